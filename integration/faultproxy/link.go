package faultproxy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// link is a client's connection and the one to the broker behind it.
type link struct {
	proxy          *Proxy
	client, server net.Conn

	mu   sync.Mutex
	sent map[int32]sent // by correlation id: the requests without an answer
}

// sent is a request that was handed on.
type sent struct {
	key, version int16
	how          How
	lose         bool
}

// cut ends both connections with a reset.
func (l *link) cut() {
	for _, c := range []net.Conn{l.client, l.server} {
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0)
		}
		_ = c.Close()
	}
}

// maxFrame bounds a frame, in bytes: Kafka's own bound is 100 MB.
const maxFrame = 128 << 20

var errFrame = errors.New("faultproxy: this is no frame of Kafka's protocol")

// readFrame reads a request or an answer, with the length before it, into buf or a larger one.
func readFrame(from io.Reader, buf []byte) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(from, length[:]); err != nil {
		return buf, err
	}
	n := binary.BigEndian.Uint32(length[:])
	if n < 4 || n > maxFrame {
		return buf, fmt.Errorf("%w: its length is %d", errFrame, n)
	}
	if cap(buf) < int(n)+4 {
		buf = make([]byte, n+4)
	}
	buf = buf[:n+4]
	copy(buf, length[:])
	_, err := io.ReadFull(from, buf[4:])
	return buf, err
}

// requests hands requests on until a connection ends.
func (l *link) requests() {
	defer l.cut()
	var buf []byte
	var err error
	for {
		if buf, err = readFrame(l.client, buf); err != nil || len(buf) < 12 {
			return
		}
		s := sent{key: int16(binary.BigEndian.Uint16(buf[4:])), version: int16(binary.BigEndian.Uint16(buf[6:]))}
		s.how, s.lose = l.proxy.lost(s.key)
		if s.lose && s.how == LoseRequest {
			return
		}
		l.mu.Lock()
		l.sent[int32(binary.BigEndian.Uint32(buf[8:]))] = s
		l.mu.Unlock()
		if _, err := l.server.Write(buf); err != nil {
			return
		}
	}
}

// answers hands answers back until a connection ends.
func (l *link) answers() {
	defer l.cut()
	var buf []byte
	var err error
	for {
		if buf, err = readFrame(l.server, buf); err != nil {
			return
		}
		id := int32(binary.BigEndian.Uint32(buf[4:]))
		l.mu.Lock()
		s, ok := l.sent[id]
		delete(l.sent, id)
		l.mu.Unlock()
		switch {
		case !ok:
			return
		case s.lose && s.how == NoAnswer:
			continue
		case s.lose:
			return
		}
		if !l.wait() {
			return
		}
		out, err := l.proxy.rewrite(s, buf)
		if err != nil {
			return
		}
		if _, err := l.client.Write(out); err != nil {
			return
		}
	}
}

// wait is the delay, or false where the proxy was closed meanwhile.
func (l *link) wait() bool {
	d := l.proxy.delayed()
	if d == 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.proxy.closed:
		return false
	}
}

// rewrite is the answer with the brokers' addresses replaced. It is the frame itself where it has none.
func (p *Proxy) rewrite(s sent, frame []byte) ([]byte, error) {
	switch kmsg.Key(s.key) {
	case kmsg.Metadata, kmsg.FindCoordinator, kmsg.DescribeCluster, kmsg.Produce, kmsg.Fetch:
	default:
		return frame, nil
	}
	r := kmsg.ResponseForKey(s.key)
	r.SetVersion(s.version)
	body, err := afterTags(frame[8:], r.IsFlexible())
	if err != nil {
		return nil, err
	}
	if err := r.ReadFrom(body); err != nil {
		return nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	changed, err := p.readdress(r)
	if err != nil || !changed {
		return frame, err
	}
	header := frame[4 : len(frame)-len(body)]
	out := append(make([]byte, 4, len(frame)+64), header...)
	out = r.AppendTo(out)
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out, nil
}

// afterTags is what follows the tagged fields of an answer's header.
func afterTags(b []byte, flexible bool) ([]byte, error) {
	if !flexible {
		return b, nil
	}
	next := func() uint64 {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			b = nil
			return 0
		}
		b = b[size:]
		return n
	}
	for tags := next(); tags > 0 && b != nil; tags-- {
		next() // the tag
		size := next()
		if size > uint64(len(b)) {
			return nil, errFrame
		}
		b = b[size:]
	}
	if b == nil {
		return nil, errFrame
	}
	return b, nil
}

// readdress replaces all addresses of brokers in an answer.
func (p *Proxy) readdress(r kmsg.Response) (changed bool, err error) {
	replace := func(host *string, port *int32) {
		h, n, e := p.replace(*host, *port)
		*host, *port, changed = h, n, true
		err = errors.Join(err, e)
	}
	switch r := r.(type) {
	case *kmsg.MetadataResponse:
		for i := range r.Brokers {
			replace(&r.Brokers[i].Host, &r.Brokers[i].Port)
		}
	case *kmsg.FindCoordinatorResponse:
		replace(&r.Host, &r.Port)
		for i := range r.Coordinators {
			replace(&r.Coordinators[i].Host, &r.Coordinators[i].Port)
		}
	case *kmsg.DescribeClusterResponse:
		for i := range r.Brokers {
			replace(&r.Brokers[i].Host, &r.Brokers[i].Port)
		}
	case *kmsg.ProduceResponse:
		for i := range r.Brokers {
			replace(&r.Brokers[i].Host, &r.Brokers[i].Port)
		}
	case *kmsg.FetchResponse:
		for i := range r.Brokers {
			replace(&r.Brokers[i].Host, &r.Brokers[i].Port)
		}
	}
	return changed, err
}
