package trustlist_test

import (
	"context"
	"fmt"
	"os"

	"github.com/seed-b953571c/eidas/trustlist"
)

// A server keeps a store for its whole life. Until there are lists, from disk or
// from the network, it has no services and is not ready.
func ExampleStore() {
	dir, err := os.MkdirTemp("", "eidas")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(dir) }()
	source, err := trustlist.NewHTTP(trustlist.HTTPConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	store, err := trustlist.NewStore(trustlist.StoreConfig{
		Config: trustlist.Config{Anchors: trustlist.DefaultAnchors(), Source: source},
		Dir:    dir,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = store.Close() }()
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // at once, in this example
	err = store.Run(ctx)
	fmt.Println(err, store.Health().Ready)
	// Output: context canceled false
}
