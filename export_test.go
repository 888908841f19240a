package pitwheel

import "github.com/pitwheel/pitwheel/internal/reactor"

// Probe has a test see the app's steps; before Run.
func (a *App) Probe(p *reactor.Probe) { a.probe = p }
