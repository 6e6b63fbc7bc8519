package main

// Run is the whole program but for its process.
var Run = run

// CommandNames returns the names of all commands.
func CommandNames() []string {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return names
}
