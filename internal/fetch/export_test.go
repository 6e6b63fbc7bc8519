package fetch

// IsPublic opens the address rules to tests.
var IsPublic = isPublic
