// Package bench holds the benchmarks that compare this library with its peers,
// and the tests that hold the two to the same answers. It is a module of its
// own so that no peer enters the go.mod of a user.
package bench
