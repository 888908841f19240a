package reactor

import "testing"

// What a live instance has open is never taken from it, nor what another application has.
func TestOnlyDesertedTransactionsMayBeAborted(t *testing.T) {
	e := New(Config{ApplicationID: "app", InstanceID: "me", Loops: 2})
	alive := map[string]bool{"me": true, "peer": true}
	for id, want := range map[string]bool{
		"app-0@dead":   true,
		"app-7@dead":   true,
		"app-0@peer":   false, // alive
		"app-1@me":     false, // runs here
		"app-2@me":     true,  // of a life with more loops, whose directory is gone
		"app-b-0@dead": false, // another application's
		"app-dead-0":   false, // something else's
		"app-0@":       true,  // nobody's that is alive
	} {
		if got := e.deserted(id, alive); got != want {
			t.Errorf("%q: got %v, want %v", id, got, want)
		}
	}
}
