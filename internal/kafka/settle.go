package kafka

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"
)

// A connection that ends at once looks the same from a broker that expects TLS and from a proxy or load
// balancer whose broker is away (docker's is one): the first must be told, the second waited for. So the
// port is asked: the question settles which of the two it is.
type question func(ctx context.Context, conn net.Conn) (so bool)

// settleTime is how long a port may take to answer.
const settleTime = 2 * time.Second

// settled asks the broker whether the refusal is what it looks like.
func (a *Access) settled(refused *RefusedError) bool {
	ctx, cancel := context.WithTimeout(context.Background(), settleTime)
	defer cancel()
	for _, broker := range a.addresses(refused) {
		conn, err := a.dial(ctx, "tcp", broker)
		if err != nil {
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(settleTime))
		so := refused.ask(ctx, conn)
		_ = conn.Close()
		if so {
			return true
		}
	}
	return false
}

func (a *Access) addresses(refused *RefusedError) []string {
	if refused.Broker != a.brokers {
		return []string{refused.Broker}
	}
	return a.seeds
}

// speaksTLS says whether something at the other end takes part in a handshake, however it ends.
func speaksTLS(ctx context.Context, conn net.Conn) bool {
	// Nothing is sent over the connection, so it does not matter whom it leads to.
	err := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}).HandshakeContext(ctx)
	if err == nil {
		return true
	}
	// An alert is an answer.
	_, alert := errors.AsType[tls.AlertError](err)
	op, ok := errors.AsType[*net.OpError](err)
	return alert || ok && op.Op == "remote error"
}

// speaksPlain says whether a request without TLS has an answer.
func speaksPlain(_ context.Context, conn net.Conn) bool {
	// ApiVersions, version 0, correlation 1, no client id.
	request := []byte{0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff}
	if _, err := conn.Write(request); err != nil {
		return false
	}
	var answer [8]byte
	_, err := io.ReadFull(conn, answer[:])
	return err == nil && binary.BigEndian.Uint32(answer[4:]) == 1
}
