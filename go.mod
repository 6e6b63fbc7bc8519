module github.com/seed-b953571c/eidas

go 1.26.0

require golang.org/x/crypto v0.58.0 // indirect
