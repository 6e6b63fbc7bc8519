package fetch

// Control opens the check of a resolved address to tests.
func (c *Client) Control(network, address string) error {
	return c.guard.control(network, address, nil)
}

// IsPublic opens the address rules to tests.
var IsPublic = isPublic
