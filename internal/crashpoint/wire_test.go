package crashpoint

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// fate is what becomes of a request of an instance.
type fate int

const (
	delivered   fate = iota
	swallowed        // it does not reach the broker, and no answer comes: the connection is dead and nobody knows
	refused          // it does not reach the broker: the connection is cut
	silenced         // the broker acts, and no answer comes
	cut              // the broker acts, and the connection is cut in place of the answer
	killsBefore      // the instance dies before it is sent
	killsAfter       // the broker acts, and the instance dies before it has the answer
)

var errCut = errors.New("the connection was cut")

// wire is an instance's network, of which each request is looked at and may be lost, as may its answer.
type wire struct {
	inner func(ctx context.Context, network, host string) (net.Conn, error)
	judge func(kmsg.Request) fate
	kill  func()

	mu    sync.Mutex
	dead  bool
	links map[*connection]bool
}

// dial connects to a broker.
func (w *wire) dial(ctx context.Context, network, host string) (net.Conn, error) {
	w.mu.Lock()
	dead := w.dead
	w.mu.Unlock()
	if dead {
		return nil, errCut
	}
	conn, err := w.inner(ctx, network, host)
	if err != nil {
		return nil, err
	}
	l := &connection{Conn: conn, wire: w, fates: map[int32]fate{}}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		_ = conn.Close()
		return nil, errCut
	}
	w.links[l] = true
	return l, nil
}

// die cuts all connections, for ever.
func (w *wire) die() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.dead = true
	for l := range w.links {
		_ = l.Conn.Close()
	}
}

// connection is a connection to a broker.
type connection struct {
	net.Conn
	wire *wire
	hole atomic.Bool // nothing gets through any more, and nobody is told
	out  []byte      // the beginning of a request
	in   []byte      // the rest of an answer

	mu    sync.Mutex
	fates map[int32]fate // of answers on their way, by correlation id
}

// Write sends what it is given, request by request.
func (l *connection) Write(b []byte) (int, error) {
	l.out = append(l.out, b...)
	for len(l.out) >= 4 {
		size := 4 + int(binary.BigEndian.Uint32(l.out))
		if len(l.out) < size {
			break
		}
		frame := l.out[:size:size]
		l.out = l.out[size:]
		if l.hole.Load() {
			continue
		}
		if err := l.send(frame); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

func (l *connection) send(frame []byte) error {
	switch f := l.wire.judge(request(frame)); f {
	case delivered:
	case swallowed:
		l.hole.Store(true)
		return nil
	case refused, killsBefore:
		if f == killsBefore {
			l.wire.kill()
		}
		_ = l.Conn.Close()
		return errCut
	default:
		l.mu.Lock()
		l.fates[int32(binary.BigEndian.Uint32(frame[8:]))] = f
		l.mu.Unlock()
	}
	_, err := l.Conn.Write(frame)
	return err
}

// Read gives what comes of the answers.
func (l *connection) Read(b []byte) (int, error) {
	for len(l.in) == 0 {
		var head [8]byte
		if _, err := io.ReadFull(l.Conn, head[:]); err != nil {
			return 0, err
		}
		answer := make([]byte, 4+binary.BigEndian.Uint32(head[:]))
		copy(answer, head[:])
		if _, err := io.ReadFull(l.Conn, answer[8:]); err != nil {
			return 0, err
		}
		id := int32(binary.BigEndian.Uint32(head[4:]))
		l.mu.Lock()
		f := l.fates[id]
		delete(l.fates, id)
		l.mu.Unlock()
		switch f {
		case silenced:
			l.hole.Store(true)
		case killsAfter:
			l.wire.kill()
			return 0, errCut
		case cut:
			_ = l.Conn.Close()
			return 0, errCut
		}
		if !l.hole.Load() {
			l.in = answer
		}
	}
	n := copy(b, l.in)
	l.in = l.in[n:]
	return n, nil
}

// Close forgets the connection.
func (l *connection) Close() error {
	l.wire.mu.Lock()
	delete(l.wire.links, l)
	l.wire.mu.Unlock()
	return l.Conn.Close()
}

// request is what stands in a frame: size, key, version, correlation id, client id, tags, body.
func request(frame []byte) kmsg.Request {
	r := kmsg.RequestForKey(int16(binary.BigEndian.Uint16(frame[4:])))
	r.SetVersion(int16(binary.BigEndian.Uint16(frame[6:])))
	body := frame[12:]
	if client := int16(binary.BigEndian.Uint16(body)); client > 0 {
		body = body[client:]
	}
	body = body[2:]
	if r.IsFlexible() {
		body = body[1:] // no tags
	}
	if err := r.ReadFrom(body); err != nil {
		panic(err) // the client has written it
	}
	return r
}
