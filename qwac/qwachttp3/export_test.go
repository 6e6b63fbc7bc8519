package qwachttp3

// The times, for tests.
const (
	Linger     = linger
	MaxUnknown = maxUnknown
)

// Known is known.
func (c *Connection) Known() { c.c.known() }

// Connection is connection, for tests in a bubble of time.
type Connection struct{ c *connection }

// NewConnection returns a connection that ends with end.
func NewConnection(end func()) *Connection { return &Connection{newConnection(end)} }

// Begin is begin.
func (c *Connection) Begin() bool { return c.c.begin() }

// End is end.
func (c *Connection) End() { c.c.end() }

// Retire is retire.
func (c *Connection) Retire() { c.c.retire() }
