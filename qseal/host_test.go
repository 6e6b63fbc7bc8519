package qseal_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

const (
	sealedHost   = "bank.example"
	sealedTarget = "/v1/accounts?a=%2F"
)

// hostProfiles are the profiles that can seal a host or a target URI, each with
// what makes the header of a GET that seals sealedHost.
func hostProfiles() map[string]struct {
	profile qseal.Profile
	seal    func(s *scene) http.Header
} {
	extra := func(p qseal.Profile) qseal.Profile { return p.AllowQuirks(qseal.QuirkExtraFields) }
	cavage := func(covered string, edits ...func(s *scene, f *forged)) func(s *scene) http.Header {
		return func(s *scene) http.Header {
			return s.order(func(f *forged) {
				f.method, f.target, f.body, f.covered, f.algorithm = http.MethodGet, sealedTarget, "", covered, "rsa-sha256"
				f.header.Set("Date", s.at.UTC().Format(http.TimeFormat))
				f.base = func(base string) string { return strings.Replace(base, "host: example.com", "host: "+sealedHost, 1) }
				for _, edit := range edits {
					edit(s, f)
				}
			}).Header
		}
	}
	byURL := func(s *scene, f *forged) { f.keyID = stetURL(s.leaf.Certificate) }
	return map[string]struct {
		profile qseal.Profile
		seal    func(s *scene) http.Header
	}{
		"berlin-group-1.3": {extra(qseal.BerlinGroup13()), cavage("digest x-request-id host")},
		"stet-1.6":         {extra(qseal.STET16()), cavage("(request-target) digest date host", byURL)},
		"ing-cavage":       {extra(qseal.INGCavage()), cavage("(request-target) date digest host")},
		"jades-http":       {qseal.JAdESHTTP(), jadesOverHost},
		"rfc9421": {qseal.RFC9421("fapi-2-request"), func(s *scene) http.Header {
			r := httptest.NewRequest(http.MethodGet, "https://"+sealedHost+sealedTarget, nil)
			r.RequestURI = ""
			require.NoError(s.tb, sealing(s.tb.(*testing.T), qseal.RFC9421("fapi-2-request"), s.leaf).SignRequest(r, s.at))
			return r.Header
		}},
	}
}

// jadesOverHost seals (request-target), host and digest.
func jadesOverHost(s *scene) http.Header {
	sum := sha256.Sum256(s.leaf.Certificate.Raw)
	protected := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil,
		`{"alg":"PS256","x5t#S256":%q,"iat":%d,"b64":false,"crit":["b64","sigD"],`+
			`"sigD":{"mId":"http://uri.etsi.org/19182/HttpHeaders","pars":["(request-target)","host","digest"]}}`,
		base64.RawURLEncoding.EncodeToString(sum[:]), s.at.Unix()))
	input := protected + ".(request-target): get " + sealedTarget + "\nhost: " + sealedHost + "\ndigest: " + digestOf("")
	hashed := sha256.Sum256([]byte(input))
	signature, err := s.leaf.Key.Sign(randomness, hashed[:], &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256})
	require.NoError(s.tb, err)
	return http.Header{
		"Digest": {digestOf("")}, "X-Jws-Signature": {protected + ".." + base64.RawURLEncoding.EncodeToString(signature)},
	}
}

// hostScene is a server that tells what its verifier says of each request.
func hostScene(t *testing.T, p qseal.Profile) (*scene, *httptest.Server, <-chan error) {
	t.Helper()
	s := rsaScene(t, p)
	s.config.Peer, s.config.AllowAnyPeer = nil, true
	s.config.Replay = storeFunc(func(string) (bool, error) { return true, nil })
	var err error
	s.config.Resolver, err = qseal.NewDirectory(map[string][]byte{stetURL(s.leaf.Certificate): s.leaf.Certificate.Raw})
	require.NoError(t, err)
	verdicts := make(chan error, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := s.verifier().VerifyRequest(r.Context(), r, s.at)
		verdicts <- err
	}))
	server.EnableHTTP2 = true
	return s, server, verdicts
}

// dial opens a TLS connection for a version of HTTP.
func dial(t *testing.T, server *httptest.Server, protocol string) *tls.Conn {
	t.Helper()
	config := server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	config.NextProtos = []string{protocol}
	dialer := tls.Dialer{Config: config}
	c, err := dialer.DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c.(*tls.Conn)
}

// http1 is a request in HTTP/1.1 with the Host lines that are given.
func http1(target string, hosts []string, header http.Header) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\n", target)
	for _, host := range hosts {
		fmt.Fprintf(&b, "Host: %s\r\n", host)
	}
	_ = header.Write(&b)
	b.WriteString("\r\n")
	return b.Bytes()
}

// http2 is a request in HTTP/2 as a client may write it, which that of net/http
// does not: the fields in the order that is given (RFC 9113, 4.1; RFC 7541, 6.2.2).
func http2(fields [][2]string, header http.Header) []byte {
	for name, lines := range header {
		fields = append(fields, [2]string{strings.ToLower(name), lines[0]})
	}
	var block []byte
	text := func(s string) {
		const prefix = 0x7f
		n := len(s)
		if n < prefix {
			block = append(block, byte(n))
		} else {
			block = binary.AppendUvarint(append(block, prefix), uint64(n-prefix))
		}
		block = append(block, s...)
	}
	for _, f := range fields {
		block = append(block, 0)
		text(f[0])
		text(f[1])
	}
	frame := func(kind, flags byte, stream uint32, payload []byte) []byte {
		size := len(payload)
		out := []byte{byte(size >> 16), byte(size >> 8), byte(size), kind, flags}
		return append(binary.BigEndian.AppendUint32(out, stream), payload...)
	}
	const settings, headers, endStreamAndHeaders = 4, 1, 5
	return slices.Concat([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(settings, 0, 0, nil), frame(headers, endStreamAndHeaders, 1, block))
}

// 52: one request has one host, which is that of :authority, of the target or of
// Host, in both versions of HTTP, for every seal that can be over it.
func TestAttack52Host(t *testing.T) {
	const other = "evil.example"
	pseudo := func(path string, rest ...[2]string) [][2]string {
		return append([][2]string{{":method", "GET"}, {":scheme", "https"}, {":path", path}}, rest...)
	}
	authority := func(host string) [2]string { return [2]string{":authority", host} }
	host := func(host string) [2]string { return [2]string{"host", host} }
	rows := map[string]struct {
		http1 string   // target, "" for HTTP/2
		hosts []string // of HTTP/1
		http2 [][2]string
		want  qseal.Reason
	}{
		"h1: Host as sealed":                             {http1: sealedTarget, hosts: []string{sealedHost}},
		"h1: another Host":                               {http1: sealedTarget, hosts: []string{other}, want: qseal.ReasonSignatureInvalid},
		"h1: absolute form as sealed":                    {http1: "https://" + sealedHost + sealedTarget, hosts: []string{sealedHost}},
		"h1: absolute form as sealed, Host does not say": {http1: "https://" + sealedHost + sealedTarget, hosts: []string{other}},
		"h1: absolute form to another, Host as sealed":   {http1: "https://" + other + sealedTarget, hosts: []string{sealedHost}, want: qseal.ReasonSignatureInvalid},

		"h2: authority as sealed":                   {http2: pseudo(sealedTarget, authority(sealedHost))},
		"h2: another authority":                     {http2: pseudo(sealedTarget, authority(other)), want: qseal.ReasonSignatureInvalid},
		"h2: the same twice":                        {http2: pseudo(sealedTarget, authority(sealedHost), host(sealedHost))},
		"h2: the same in other words":               {http2: pseudo(sealedTarget, authority(sealedHost), host("Bank.Example:443"))},
		"h2: authority as sealed, another host":     {http2: pseudo(sealedTarget, authority(sealedHost), host(other)), want: qseal.ReasonRepeated},
		"h2: another authority, host as sealed":     {http2: pseudo(sealedTarget, authority(other), host(sealedHost)), want: qseal.ReasonRepeated},
		"h2: another port":                          {http2: pseudo(sealedTarget, authority(sealedHost), host(sealedHost+":8443")), want: qseal.ReasonRepeated},
		"h2: a letter that only looks like another": {http2: pseudo(sealedTarget, authority(sealedHost), host("ban\u212A.example")), want: qseal.ReasonRepeated},
		"h2: host alone as sealed":                  {http2: pseudo(sealedTarget, host(sealedHost))},
		"h2: another host alone":                    {http2: pseudo(sealedTarget, host(other)), want: qseal.ReasonSignatureInvalid},
		"h2: two hosts, the first as sealed":        {http2: pseudo(sealedTarget, host(sealedHost), host(other)), want: qseal.ReasonRepeated},
		"h2: two hosts, the second as sealed":       {http2: pseudo(sealedTarget, host(other), host(sealedHost)), want: qseal.ReasonRepeated},
		"h2: absolute path as sealed":               {http2: pseudo("https://"+sealedHost+sealedTarget, authority(sealedHost))},
		"h2: absolute path to another":              {http2: pseudo("https://"+other+sealedTarget, authority(sealedHost)), want: qseal.ReasonRepeated},
		"h2: a field that proxies write":            {http2: pseudo(sealedTarget, authority(other), [2]string{"x-forwarded-host", sealedHost}), want: qseal.ReasonSignatureInvalid},
		"h2: a field that proxies write, standard":  {http2: pseudo(sealedTarget, authority(other), [2]string{"forwarded", "host=" + sealedHost}), want: qseal.ReasonSignatureInvalid},
	}
	for profile, one := range hostProfiles() {
		s, server, verdicts := hostScene(t, one.profile)
		server.StartTLS()
		t.Cleanup(server.Close)
		for name, row := range rows {
			t.Run(profile+"/"+name, func(t *testing.T) {
				s.tb = t
				text, protocol := http1(row.http1, row.hosts, one.seal(s)), "http/1.1"
				if row.http1 == "" {
					text, protocol = http2(row.http2, one.seal(s)), "h2"
				}
				_, err := dial(t, server, protocol).Write(text)
				require.NoError(t, err)
				err = <-verdicts
				require.Equal(t, row.want.String(), qseal.ReasonOf(err).String(), "%v", err)
			})
		}
	}
}

// 52: behind a proxy the host and the scheme are what Config.Origin says, and
// never what a field says.
func TestAttack52HostBehindAProxy(t *testing.T) {
	for profile, one := range hostProfiles() {
		for name, row := range map[string]struct {
			origin, host string
			want         qseal.Reason
		}{
			"origin as sealed, host of the backend": {"https://" + sealedHost, "backend:8080", 0},
			"host of the backend alone":             {"", "backend:8080", qseal.ReasonSignatureInvalid},
			"another origin, host as sealed":        {"https://other.example", sealedHost, qseal.ReasonSignatureInvalid},
		} {
			t.Run(profile+"/"+name, func(t *testing.T) {
				s, server, verdicts := hostScene(t, one.profile)
				s.config.Origin = row.origin
				server.Start() // TLS ends at the proxy
				defer server.Close()
				header := one.seal(s)
				header.Set("X-Forwarded-Host", sealedHost)
				header.Set("X-Forwarded-Proto", "https")
				header.Set("Forwarded", "host="+sealedHost+";proto=https")
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+sealedTarget, nil)
				require.NoError(t, err)
				r.Header, r.Host = header, row.host
				response, err := server.Client().Do(r)
				require.NoError(t, err)
				_ = response.Body.Close()
				err = <-verdicts
				require.Equal(t, row.want.String(), qseal.ReasonOf(err).String(), "%v", err)
			})
		}
	}
}

// A captured message in absolute form has the host of its target, as net/http
// reads it.
func TestAttack52HostOfACapturedMessage(t *testing.T) {
	one := hostProfiles()["ing-cavage"]
	s, _, _ := hostScene(t, one.profile)
	for name, row := range map[string]struct {
		target, host, origin string
		want                 qseal.Reason
	}{
		"Host as sealed":                       {sealedTarget, sealedHost, "", 0},
		"another Host":                         {sealedTarget, "evil.example", "", qseal.ReasonSignatureInvalid},
		"absolute form as sealed":              {"https://" + sealedHost + sealedTarget, "evil.example", "", 0},
		"absolute form to another":             {"https://evil.example" + sealedTarget, sealedHost, "", qseal.ReasonSignatureInvalid},
		"as the origin says":                   {sealedTarget, "backend", "https://" + sealedHost, 0},
		"as the origin says, in absolute form": {"http://backend" + sealedTarget, "backend", "https://" + sealedHost, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s.config.Origin = row.origin
			c, err := qseal.ParseCaptured(http1(row.target, []string{row.host}, one.seal(s)))
			require.NoError(t, err)
			for range 2 { // it is not changed by a verdict
				_, err = s.verifier().VerifyCaptured(context.Background(), c, s.at)
				require.Equal(t, row.want.String(), qseal.ReasonOf(err).String(), "%v", err)
			}
		})
	}
}
