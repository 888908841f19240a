package faultproxy

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Proxy is in front of all brokers of a Kafka. Its methods may be called from any goroutine.
type Proxy struct {
	running sync.WaitGroup
	closed  chan struct{}

	mu     sync.Mutex
	fronts map[string]*front // by the broker's own address
	seeds  []string
	links  map[*link]struct{}
	delay  time.Duration
	losses []*loss
}

// front is where clients meet one broker.
type front struct {
	listener net.Listener
	broker   string
}

// How says what becomes of a request that is lost.
type How int

// What can be lost.
const (
	LoseAnswer  How = iota // the broker acts on it; its answer is dropped and the connection reset
	LoseRequest            // the broker never sees it; the connection is reset
	NoAnswer               // the broker acts on it; its answer is dropped, and the connection left open
)

// String is for reports.
func (h How) String() string {
	return [...]string{"answer lost", "request lost", "no answer"}[h]
}

// loss is what is to be lost.
type loss struct {
	key  kmsg.Key
	how  How
	left int
}

// New begins in front of the brokers at these addresses. Others that they name get a front when they
// are named.
func New(brokers []string) (*Proxy, error) {
	p := &Proxy{closed: make(chan struct{}), fronts: map[string]*front{}, links: map[*link]struct{}{}}
	for _, broker := range brokers {
		addr, err := p.frontOf(broker)
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		p.seeds = append(p.seeds, addr)
	}
	return p, nil
}

// Addrs are the addresses of the brokers that New was given, as clients should know them.
func (p *Proxy) Addrs() []string { return p.seeds }

// Close ends all connections and returns once everything has ended.
func (p *Proxy) Close() (err error) {
	p.mu.Lock()
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	for _, f := range p.fronts {
		err = errors.Join(err, f.listener.Close())
	}
	p.mu.Unlock()
	p.Reset()
	p.running.Wait()
	return err
}

// Delay holds back each answer for d; zero ends that.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Reset ends all connections, in the middle of whatever is under way, and says how many.
func (p *Proxy) Reset() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.cut()
	}
	return len(p.links)
}

// Lose loses the next n requests of that kind, on whatever connections.
func (p *Proxy) Lose(key kmsg.Key, how How, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.losses = append(p.losses, &loss{key, how, n})
}

// Heal ends all delays and losses, and says how many requests were still to be lost.
func (p *Proxy) Heal() (left int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.losses {
		left += l.left
	}
	p.losses, p.delay = nil, 0
	return left
}

// lost is whether a request of the kind is to be lost, and how; it takes one off.
func (p *Proxy) lost(key int16) (How, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.losses {
		if l.left > 0 && l.key.Int16() == key {
			l.left--
			return l.how, true
		}
	}
	return 0, false
}

func (p *Proxy) delayed() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.delay
}

// frontOf is the address at which clients meet a broker.
func (p *Proxy) frontOf(broker string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if f, ok := p.fronts[broker]; ok {
		return f.listener.Addr().String(), nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it ends with Close
	if err != nil {
		return "", fmt.Errorf("faultproxy: listen in front of %s: %w", broker, err)
	}
	f := &front{listener, broker}
	p.fronts[broker] = f
	p.running.Go(func() { p.accept(f) })
	return listener.Addr().String(), nil
}

// accept takes connections until the front is closed.
func (p *Proxy) accept(f *front) {
	for {
		client, err := f.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(client, f.broker) })
	}
}

// serve is a connection's whole life.
func (p *Proxy) serve(client net.Conn, broker string) {
	dialer := net.Dialer{Timeout: 10 * time.Second}
	server, err := dialer.Dial("tcp", broker)
	if err != nil {
		_ = client.Close() // as the broker would refuse it
		return
	}
	l := &link{proxy: p, client: client, server: server, sent: map[int32]sent{}}
	if !p.open(l) {
		l.cut()
		return
	}
	var both sync.WaitGroup
	both.Go(l.requests)
	both.Go(l.answers)
	both.Wait()
	p.mu.Lock()
	delete(p.links, l)
	p.mu.Unlock()
}

// open takes a connection in, unless the proxy is closed.
func (p *Proxy) open(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.closed:
		return false
	default:
	}
	p.links[l] = struct{}{}
	return true
}

// replace is a broker's address as clients should know it. One that is none, as where a coordinator is
// not known, stays as it is.
func (p *Proxy) replace(host string, port int32) (string, int32, error) {
	if host == "" || port <= 0 {
		return host, port, nil
	}
	addr, err := p.frontOf(net.JoinHostPort(host, strconv.Itoa(int(port))))
	if err != nil {
		return "", 0, err
	}
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	n, err := strconv.ParseInt(text, 10, 32)
	return host, int32(n), err
}
