package eidastest

import (
	"net/http"
	"time"
)

// trickleEvery is how long Trickle waits after each octet. It is short enough
// for every limit of an idle connection.
const trickleEvery = time.Second

// Trickle serves h with the body of its answer one octet a second, until the
// client has enough of it. Such a server is never silent, so only a deadline for
// the whole of an answer ends it. FaultTrickle does this to a server of
// revocation information; around [World.Handler] it makes hosts of lists like
// that.
func Trickle(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(trickling{w, r.Context().Done()}, r)
	})
}

// trickling writes slowly, as long as the client is there.
type trickling struct {
	http.ResponseWriter
	gone <-chan struct{}
}

func (t trickling) Write(b []byte) (int, error) {
	tick := time.NewTicker(trickleEvery)
	defer tick.Stop()
	flush := http.NewResponseController(t.ResponseWriter).Flush
	for i := range b {
		if _, err := t.ResponseWriter.Write(b[i : i+1]); err != nil {
			return i, err
		}
		_ = flush() // what cannot be flushed comes later still
		select {
		case <-tick.C:
		case <-t.gone:
			return i + 1, http.ErrAbortHandler
		}
	}
	return len(b), nil
}

// Unwrap is for http.ResponseController.
func (t trickling) Unwrap() http.ResponseWriter { return t.ResponseWriter }
