package trustlist_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
	"github.com/seed-b953571c/eidas/trustlist"
)

// mutantsPerRun is how many variations of real lists are tried; EIDAS_MUTANTS
// sets another number.
const mutantsPerRun = 600

// Mutants of real lists, made of their own parts: none is accepted whose signed
// octets differ, and whatever is accepted says the same as the original.
func TestMutantsOfRealLists(t *testing.T) {
	total := mutantsPerRun
	if text := os.Getenv("EIDAS_MUTANTS"); text != "" {
		n, err := strconv.Atoi(text)
		require.NoError(t, err)
		total = n
	}
	random := rand.New(rand.NewPCG(3, 4))
	all := worlds(t)
	accepted, refused := 0, 0
	for _, w := range all {
		folder := w.open(t)
		s, err := w.load(t, folder)
		require.NoError(t, err)
		url, want := smallest(t, s, folder)
		doc, err := folder.Fetch(t.Context(), url)
		require.NoError(t, err)
		signer := [][32]byte{want.Signer}
		octets := octetsOf(t, doc, want.Signer)
		for range total / len(all) {
			mutant := mutate(random, doc)
			got := trustlist.CheckList(mutant, signer)
			if !got.Authentic {
				refused++
				require.NotZero(t, got.Reason)
				require.NotEqual(t, trustlist.ReasonInternal, got.Reason, "%v", got.Err)
				continue
			}
			accepted++
			require.Equal(t, octets, octetsOf(t, mutant, want.Signer))
			require.True(t, got.Accepted, "%v", got.Err)
			require.Equal(t, [...]int{want.Sequence, want.Version, want.Services}, [...]int{got.Sequence, got.Version, got.Services})
		}
	}
	t.Logf("%d refused, %d accepted as they were signed", refused, accepted)
	assert.Greater(t, refused, accepted)
}

// smallest returns the accepted national list of the fewest bytes.
func smallest(tb testing.TB, s *trustlist.Snapshot, source trustlist.Source) (url string, r trustlist.ListReport) {
	tb.Helper()
	size := 0
	for _, l := range s.Lists {
		if !l.Accepted {
			continue
		}
		doc, err := source.Fetch(tb.Context(), l.URL)
		require.NoError(tb, err)
		if size == 0 || len(doc) < size {
			size, url, r = len(doc), l.URL, l
		}
	}
	require.NotZero(tb, size)
	return url, r
}

func octetsOf(tb testing.TB, doc []byte, signer [32]byte) string {
	tb.Helper()
	v, err := xmldsig.Verify(doc, []xmldsig.Fingerprint{signer})
	require.NoError(tb, err)
	return string(v.Octets)
}

// mutate changes a document in one of the ways that change what it says, or how
// it is written.
func mutate(random *rand.Rand, doc []byte) []byte {
	snippets := []string{
		"<!-- x -->", "<![CDATA[]]>", " ", "\r\n", "&#32;", "<x/>", "<?x?>", "&lt;", `<TSPService/>`,
		`<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>`, ` Id="x"`, "\x00", "]]>", "granted",
	}
	// Parts begin and end at the edges of tags, so that whole elements move.
	var edges []int
	for i, b := range doc {
		switch b {
		case '<':
			edges = append(edges, i)
		case '>':
			edges = append(edges, i+1)
		}
	}
	pick := func() int { return edges[random.IntN(len(edges))] }
	a, b, c := pick(), pick(), pick()
	if a > b {
		a, b = b, a
	}
	at := random.IntN(len(doc))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	snippet := []byte(snippets[random.IntN(len(snippets))])
	switch random.IntN(7) {
	case 0: // one bit
		out := bytes.Clone(doc)
		out[at] ^= 1 << random.IntN(8)
		return out
	case 1: // something between two tags
		return join(doc[:a], snippet, doc[a:])
	case 2: // something anywhere
		return join(doc[:at], snippet, doc[at:])
	case 3: // a part is missing
		return join(doc[:a], doc[b:])
	case 4: // a part is there twice
		return join(doc[:b], doc[a:b], doc[b:])
	case 5: // a part is copied to elsewhere
		return join(doc[:c], doc[a:b], doc[c:])
	default: // a status is another
		return bytes.Replace(doc, []byte("Svcstatus/granted"), []byte("Svcstatus/withdrawn"), 1+random.IntN(3))
	}
}
