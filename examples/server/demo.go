package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
)

// runDemo serves a world of its own to one caller, offline. It is all that uses
// the testkit: a program for production goes without this file and its flag.
func runDemo(ctx context.Context, out io.Writer) error {
	world, err := eidastest.NewWorld(eidastest.Options{})
	if err != nil {
		return err
	}
	defer world.Close()
	validator, err := world.Validator(policy())
	if err != nil {
		return err
	}
	certificate, err := world.ServerCertificate()
	if err != nil {
		return err
	}
	server, err := newServer(validator, certificate, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, server, listener) }()
	err = call(ctx, world, listener.Addr().String(), out)
	cancel()
	return errors.Join(err, <-ended)
}

// call is what a TPP does.
func call(ctx context.Context, world *eidastest.World, address string, out io.Writer) error {
	leaf, err := world.QTSP("LT").IssueQWAC("PSDLT-BL-EX000042", eidas.RolePI|eidas.RoleAI)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/accounts", http.NoBody)
	if err != nil {
		return err
	}
	response, err := world.Client(leaf).Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := fmt.Fprintln(out, response.Status); err != nil {
		return err
	}
	_, err = io.Copy(out, io.LimitReader(response.Body, 4<<10))
	return err
}
