package qseal

import (
	"fmt"
	"net/url"
)

// origin is how a server is addressed from outside.
type origin struct{ scheme, authority string }

// parseOrigin reads Config.Origin; nil when it is empty.
func parseOrigin(text string) (*origin, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("qseal: Config.Origin: %w", err)
	}
	// A path, query or user would be lost without a word.
	if u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || text != u.Scheme+"://"+u.Host {
		return nil, fmt.Errorf("qseal: Config.Origin %q is not a scheme and an authority such as https://api.bank.example", text)
	}
	return &origin{u.Scheme, u.Host}, nil
}
