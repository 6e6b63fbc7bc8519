package rediscache

import "time"

// Wait makes a ReplayStore wait longer for its server: how fast this machine is,
// is not the question.
func (s *ReplayStore) Wait(d time.Duration) { s.timeout = d }
