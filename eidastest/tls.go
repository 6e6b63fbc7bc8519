package eidastest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"slices"
)

// Server is a server under test, on the loopback interface.
type Server struct {
	URL    string // https://127.0.0.1:PORT
	server *http.Server
}

// Close ends the server and its connections.
func (s *Server) Close() { _ = s.server.Close() }

// Serve runs a server as the code under test configures it: its handler, its
// TLSConfig, its hooks. A TLSConfig without a certificate gets one that the
// world's clients trust, and the world's time. The server itself is not changed. Close the answer
// after use.
func (w *World) Serve(under *http.Server) (*Server, error) {
	if under == nil || under.Handler == nil {
		return nil, errors.New("eidastest: server has no handler")
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if under.TLSConfig != nil {
		config = under.TLSConfig.Clone()
	}
	if len(config.Certificates) == 0 && config.GetCertificate == nil && config.GetConfigForClient == nil {
		cert, err := w.ServerCertificate()
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{cert}
	}
	if config.Time == nil {
		config.Time = w.Now // sessions end by the world's time too
	}
	srv := &http.Server{
		Handler: under.Handler, TLSConfig: config, ReadHeaderTimeout: headerTimeout,
		ReadTimeout: under.ReadTimeout, WriteTimeout: under.WriteTimeout, IdleTimeout: under.IdleTimeout,
		ConnContext: under.ConnContext, ConnState: under.ConnState, BaseContext: under.BaseContext,
		Protocols: under.Protocols, HTTP2: under.HTTP2, ErrorLog: under.ErrorLog,
	}
	if srv.ErrorLog == nil {
		srv.ErrorLog = quiet()
	}
	listener, err := listenLoopback()
	if err != nil {
		return nil, err
	}
	go func() { _ = srv.ServeTLS(listener, "", "") }()
	return &Server{URL: "https://" + listener.Addr().String(), server: srv}, nil
}

// ServerCertificate returns a certificate for a server under test, for
// localhost and 127.0.0.1. It is not qualified; the world's clients trust it.
func (w *World) ServerCertificate() (tls.Certificate, error) {
	r := Request{
		Subject:     []Attribute{{OID: OIDCommonName, Value: "localhost"}},
		DNSNames:    []string{"localhost", "127.0.0.1"},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []string{ServerAuth},
	}
	tmpl, err := r.template(w.Now())
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := NewKey(P256)
	if err != nil {
		return tls.Certificate{}, err
	}
	cert, err := sign(tmpl, w.bank, key.Public())
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}, nil
}

// clientSessions is enough for the servers of one test.
const clientSessions = 32

// ClientConfig returns the TLS configuration of a TPP that presents the leaf
// and its chain, whatever authorities the server names; nil presents nothing.
// It has a session cache of its own, so sessions are resumed. Set MaxVersion to
// bound the TLS version.
func (w *World) ClientConfig(l *Leaf) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(w.bank.Certificate)
	c := &tls.Config{
		RootCAs: roots, MinVersion: tls.VersionTLS12, Time: w.Now,
		ClientSessionCache: tls.NewLRUClientSessionCache(clientSessions),
	}
	if l != nil {
		cert := l.TLS()
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	}
	return c
}

// Client returns the HTTP client of a TPP with ClientConfig. Every request makes
// a connection of its own and resumes the session of an earlier one, so that
// each meets the server's decision anew.
func (w *World) Client(l *Leaf) *http.Client { return HTTPClient(w.ClientConfig(l)) }

// HTTPClient is Client for a configuration that has been changed.
func HTTPClient(c *tls.Config) *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}}
}

// Thief returns the leaf as a thief has it, who copied the certificates from a
// connection: with another key.
func (l *Leaf) Thief() (*Leaf, error) {
	key, err := NewKey(P256)
	if err != nil {
		return nil, err
	}
	return &Leaf{Certificate: l.Certificate, Key: key, Chain: slices.Clone(l.Chain)}, nil
}
