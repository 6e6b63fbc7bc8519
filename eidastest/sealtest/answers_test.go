package sealtest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest/sealtest"
	"github.com/seed-b953571c/eidas/qseal"
)

const orders = "/psd2/orders" // Target of the scene

var created = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) })

// ordinary are the handlers of ordinary banks.
func ordinary() map[string]func(v *qseal.Verifier) http.Handler {
	routes := func(h http.Handler, patterns ...string) *http.ServeMux {
		mux := http.NewServeMux()
		for _, p := range patterns {
			mux.Handle(p, h)
		}
		return mux
	}
	return map[string]func(v *qseal.Verifier) http.Handler{
		"one route":              func(v *qseal.Verifier) http.Handler { return v.Handler(routes(created, "POST "+orders)) },
		"routes":                 func(v *qseal.Verifier) http.Handler { return v.Handler(routes(created, orders, orders+"/")) },
		"verifier in the route":  func(v *qseal.Verifier) http.Handler { return routes(v.Handler(created), "POST "+orders) },
		"verifier in the routes": func(v *qseal.Verifier) http.Handler { return routes(v.Handler(created), orders, orders+"/") },
		"see other": func(v *qseal.Verifier) http.Handler {
			return v.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/done", http.StatusSeeOther)
			}))
		},
		"JSON": func(v *qseal.Verifier) http.Handler {
			return v.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var order map[string]any
				if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
					http.Error(w, "bad JSON: "+err.Error(), http.StatusBadRequest)
				}
			}))
		},
	}
}

// A correct bank passes whole, wherever its routes are and whatever they answer.
func TestOrdinaryBanksPass(t *testing.T) {
	s := newScene(t)
	for _, p := range []qseal.Profile{qseal.BerlinGroup13(), qseal.STET16()} {
		for name, handler := range ordinary() {
			t.Run(p.Name()+" "+name, func(t *testing.T) {
				outcomes, err := s.kit.Play(t.Context(), p, s.bankOf(s.config(p), handler))
				require.NoError(t, err)
				assert.Greater(t, len(outcomes), 90)
				for _, o := range outcomes {
					assert.Empty(t, o.Wrong, o.String())
				}
			})
		}
	}
}

// A bank that has forgotten something is found at the same items, wherever its
// routes are: a route that answers 404 or 303 does not hide that it was reached.
func TestOrdinaryBanksThatForget(t *testing.T) {
	s := newScene(t)
	p := qseal.BerlinGroup13()
	streams := func(next http.Handler) func(v *qseal.Verifier) http.Handler {
		return func(v *qseal.Verifier) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := v.VerifyStream(r.Context(), r, time.Now()); err != nil {
					p.WriteRefusal(w, err)
					return
				}
				_, _ = io.Copy(io.Discard, r.Body)
				next.ServeHTTP(w, r)
			})
		}
	}
	for name, row := range map[string]struct {
		forget  func(c *qseal.Config)
		handler string
		want    []int
	}{
		"replay, one route":             {func(c *qseal.Config) { c.Replay = forgetful{} }, "one route", []int{14, 15}},
		"replay, routes":                {func(c *qseal.Config) { c.Replay = forgetful{} }, "routes", []int{14, 15}},
		"replay, see other":             {func(c *qseal.Config) { c.Replay = forgetful{} }, "see other", []int{14, 15}},
		"replay, JSON":                  {func(c *qseal.Config) { c.Replay = forgetful{} }, "JSON", []int{14, 15}},
		"replay, verifier in the route": {func(c *qseal.Config) { c.Replay = forgetful{} }, "verifier in the route", []int{14}},
		"peer, one route":               {func(c *qseal.Config) { c.Peer, c.AllowAnyPeer = nil, true }, "one route", []int{19, 20, 28}},
		"peer, see other":               {func(c *qseal.Config) { c.Peer, c.AllowAnyPeer = nil, true }, "see other", []int{19, 20, 28}},
		"commit":                        {func(*qseal.Config) {}, "", []int{11, 12, 48, 49, 50, 51}},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.config(p)
			row.forget(&c)
			handler, found := ordinary()[row.handler]
			if !found {
				handler = streams(created)
			}
			outcomes, err := s.kit.Play(t.Context(), p, s.bankOf(c, handler))
			require.NoError(t, err)
			var items []int
			for _, o := range outcomes {
				if o.Wrong != "" {
					assert.Contains(t, o.Wrong, "LET IN", o.String())
					items = append(items, o.Attack.Item)
				}
			}
			slices.Sort(items)
			assert.Equal(t, row.want, slices.Compact(items))
		})
	}
}

// A bank that is too strict is told so, even about messages that stray: its
// refusal is not taken for the word of a route.
func TestABankThatIsTooStrict(t *testing.T) {
	s := newScene(t)
	p := qseal.BerlinGroup13()
	for name, row := range map[string]struct {
		refuse func(w http.ResponseWriter)
		wrong  bool
	}{
		"400 in words of its own":  {func(w http.ResponseWriter) { http.Error(w, "seal", http.StatusBadRequest) }, true},
		"401 in words of its own":  {func(w http.ResponseWriter) { http.Error(w, "seal", http.StatusUnauthorized) }, true},
		"404 as it always refuses": {func(w http.ResponseWriter) { http.Error(w, "seal", http.StatusNotFound) }, true},
		"in the library's words":   {func(w http.ResponseWriter) { p.WriteRefusal(w, &qseal.Error{Reason: qseal.ReasonFormat}) }, true},
		"not at all":               {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			bank := s.bankOf(s.config(p), func(v *qseal.Verifier) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					stray := r.Method != http.MethodPost || r.URL.Path != orders || r.Header.Get("Content-Encoding") != ""
					if _, err := v.VerifyRequest(r.Context(), r, time.Now()); row.refuse != nil && (err != nil || stray) {
						row.refuse(w)
					} else if err != nil {
						p.WriteRefusal(w, err)
					}
				})
			})
			outcomes, err := s.kit.Play(t.Context(), p, bank)
			require.NoError(t, err)
			strays := 0
			for _, o := range outcomes {
				if o.Twin && strings.Contains(o.Wrong, "lawful, and got") {
					strays++
				}
			}
			assert.Equal(t, row.wrong, strays > 0)
			if row.wrong {
				assert.Equal(t, 5, strays, "two of item 12, two of 15, one of 48")
			}
		})
	}
}

// A bank that has words of its own is held to refusals.
func TestABankWithWordsOfItsOwn(t *testing.T) {
	s := newScene(t)
	p := qseal.OBIE31(qseal.OBIE313)
	for status, want := range map[int]string{
		http.StatusForbidden:           "",
		http.StatusNotFound:            "",
		http.StatusInternalServerError: "status 500, want",
		http.StatusTemporaryRedirect:   "status 307, want",
	} {
		bank := s.bankOf(s.config(p), func(v *qseal.Verifier) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := v.VerifyRequest(r.Context(), r, time.Now()); err != nil {
					w.WriteHeader(status)
				}
			})
		})
		outcomes, err := s.kit.Play(t.Context(), p, bank)
		require.NoError(t, err)
		for _, o := range outcomes {
			if o.Twin || o.Attack.Want == 0 || want == "" {
				assert.Empty(t, o.Wrong, o.String())
			} else {
				assert.Contains(t, o.Wrong, want, o.String())
			}
			reason, _ := o.Refusal()
			assert.Zero(t, reason)
		}
	}
}

// A bank that does not let in a lawful order gets one sentence.
func TestTheLawfulOrderGoesFirst(t *testing.T) {
	s := newScene(t)
	berlin := qseal.BerlinGroup13()
	plain := func(v *qseal.Verifier) http.Handler { return v.Handler(created) }
	answering := func(h http.HandlerFunc) func(v *qseal.Verifier) http.Handler {
		return func(v *qseal.Verifier) http.Handler { return v.Handler(h) }
	}
	for name, row := range map[string]struct {
		change  func(c *qseal.Config)
		handler func(v *qseal.Verifier) http.Handler
		want    string
	}{
		"roles": {func(c *qseal.Config) {
			c.Validator = s.world.Validator(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RoleIC)})
		}, plain, "Options.Roles (PSP_PI|PSP_AI)"},
		"profile": {func(c *qseal.Config) { c.Profile = qseal.JAdESHTTP() }, plain, "of berlin-group-1.3, POST /psd2/orders, which got status 401"},
		"panic":   {nil, answering(func(http.ResponseWriter, *http.Request) { panic("order") }), "whether its handler panics"},
		"handler": {nil, answering(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no amount", http.StatusBadRequest) }), "whether its handler takes the order"},
		"redirected": {nil, func(v *qseal.Verifier) http.Handler {
			mux := http.NewServeMux()
			mux.Handle(orders+"/", v.Handler(created))
			return mux
		}, "is answered with status 307, sealed or not: look at Options.Target"},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.config(berlin)
			if row.change != nil {
				row.change(&c)
			}
			var tb recorder
			s.kit.Run(&tb, berlin, s.bankOf(c, row.handler))
			assert.Contains(t, tb.text, row.want)
			assert.NotContains(t, tb.text, "\n")
		})
	}
}

// A bank that falls silent is left after three messages, with what is known.
func TestABankThatFallsSilent(t *testing.T) {
	s := newScene(t)
	kit := sealtest.Start(t, s.world.World, sealtest.Options{Timeout: 2 * time.Second, MaxBody: maxBody, Target: orders})
	p := qseal.BerlinGroup13()
	silent := func(after int64) *http.Server {
		c, seen := s.config(p), new(atomic.Int64)
		c.AllowAnyPeer, c.Peer = true, nil
		return s.bankOf(c, func(v *qseal.Verifier) http.Handler {
			next := v.Handler(created)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if seen.Add(1) > after {
					<-r.Context().Done()
					return
				}
				next.ServeHTTP(w, r)
			})
		})
	}
	outcomes, err := kit.Play(t.Context(), p, silent(0))
	require.ErrorContains(t, err, "which got no answer within 2s")
	assert.Empty(t, outcomes)

	var tb recorder
	kit.Run(&tb, p, silent(6))
	assert.Contains(t, tb.text, "3 messages in a row had no answer within 2s; what is known so far: 3 of ")
	assert.Contains(t, tb.text, "no answer within 2s, want ")
}

// Run ends with the test, and Play returns what it has.
func TestRunEndsWithTheTest(t *testing.T) {
	s := newScene(t)
	p := qseal.BerlinGroup13()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen atomic.Int64
	bank := s.bankOf(s.config(p), func(v *qseal.Verifier) http.Handler {
		next := v.Handler(created)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if seen.Add(1) == 10 {
				cancel()
			}
			next.ServeHTTP(w, r)
		})
	})
	outcomes, err := s.kit.Play(ctx, p, bank)
	require.ErrorIs(t, err, context.Canceled)
	assert.NotEmpty(t, outcomes)

	ended := &endedTest{ctx: t.Context(), deadline: time.Now()}
	s.kit.Run(ended, p, bank)
	assert.Contains(t, ended.text, context.DeadlineExceeded.Error())
	ended = &endedTest{ctx: ctx, deadline: time.Now().Add(time.Hour)}
	s.kit.Run(ended, p, bank)
	assert.Contains(t, ended.text, context.Canceled.Error())
}

// endedTest is a test with a context and a deadline, as those of package testing.
type endedTest struct {
	recorder
	ctx      context.Context //nolint:containedctx // as testing.T has it
	deadline time.Time
}

func (e *endedTest) Context() context.Context    { return e.ctx }
func (e *endedTest) Deadline() (time.Time, bool) { return e.deadline, true }

// The report has what was let in first, and each line says which message it was.
func TestTheReportIsSorted(t *testing.T) {
	s := newScene(t)
	p := qseal.BerlinGroup13()
	c := s.config(p)
	c.Replay = forgetful{}
	bank := s.bankOf(c, func(v *qseal.Verifier) http.Handler {
		next := v.Handler(created)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.Header.Get("Accept") != "" && !strings.Contains(r.Header.Get("Signature"), "accept"):
				w.WriteHeader(http.StatusForbidden) // a lawful message of item 5
			case r.Header.Get("Digest") == "" && r.Header.Get("Signature") != "":
				w.WriteHeader(http.StatusInternalServerError) // an attack of item 2
			default:
				next.ServeHTTP(w, r)
			}
		})
	})
	var tb recorder
	s.kit.Run(&tb, p, bank)
	at := -1
	for _, line := range []string{
		"4 attacks that were let in:",
		"  14 a seal or its id is used again\n    attack berlin-group-1.3 14 the same seal again (POST /psd2/orders): LET IN with status 201, want ",
		"  15 a seal is used for another method or path\n",
		"15 the same seal for another path (POST /psd2/orders/other): LET IN",
		"15 the same seal for another method (PUT /psd2/orders): LET IN",
		"1 lawful messages that were not let in:\n  5 more is sealed than may be\n    twin of berlin-group-1.3 5 accept is sealed (POST /psd2/orders): lawful, and got status 403",
		"2 attacks that were refused otherwise than they should be:\n  2 a part of the seal is removed\n    attack berlin-group-1.3 2 signature without digest (POST /psd2/orders): status 500, want ",
	} {
		next := strings.Index(tb.text, line)
		assert.Greater(t, next, at, "%q in\n%s", line, tb.text)
		at = next
	}
}
