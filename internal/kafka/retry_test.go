package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var quiet = slog.New(slog.DiscardHandler)

// What a broker says decides between trying again (not fatal), giving up, and giving up the app
// because of the record itself (permanent).
func TestWhatBrokersSayDecidesWhatToDo(t *testing.T) {
	const again, fatal, permanent = "again", "fatal", "permanent"
	tests := []struct {
		err  error
		want string
	}{
		{kerr.CoordinatorNotAvailable, again},
		{kerr.CoordinatorLoadInProgress, again},
		{kerr.NotCoordinator, again},
		{kerr.NotLeaderForPartition, again},
		{kerr.LeaderNotAvailable, again},
		{kerr.NotEnoughReplicas, again},
		{kerr.RequestTimedOut, again},
		{kerr.UnknownTopicOrPartition, again},
		{kerr.UnknownServerError, again},
		{kerr.UnstableOffsetCommit, again},
		{kerr.ConcurrentTransactions, again},
		{kerr.ThrottlingQuotaExceeded, again},
		{io.EOF, again},
		{errors.New("dial tcp: connection refused"), again},
		{context.DeadlineExceeded, again},

		{kerr.IllegalGeneration, fatal},
		{kerr.UnknownMemberID, fatal},
		{kerr.ProducerFenced, fatal},
		{kerr.InvalidProducerEpoch, fatal},
		{kerr.InvalidTxnState, fatal},
		{kerr.OutOfOrderSequenceNumber, fatal},
		{kerr.UnknownProducerID, fatal},
		{kerr.InvalidTransactionTimeout, fatal},
		{kerr.SaslAuthenticationFailed, fatal},
		{kerr.OffsetOutOfRange, fatal},
		{kerr.UnsupportedVersion, fatal},
		{kgo.ErrClientClosed, fatal},

		{kerr.FencedInstanceID, permanent}, // another instance has this one's id
		{kerr.MessageTooLarge, permanent},
		{kerr.RecordListTooLarge, permanent},
		{kerr.InvalidRecord, permanent},
		{kerr.InvalidTimestamp, permanent},
		{kerr.TopicAuthorizationFailed, permanent},
		{kerr.GroupAuthorizationFailed, permanent},
		{kerr.TransactionalIDAuthorizationFailed, permanent},
		{kerr.ClusterAuthorizationFailed, permanent},
		{kerr.InvalidTopicException, permanent},
	}
	for _, tt := range tests {
		t.Run(tt.err.Error(), func(t *testing.T) {
			for _, err := range []error{tt.err, fmt.Errorf("wrapped: %w", tt.err), &ProduceError{Topic: "t", Err: tt.err}} {
				if got, want := Fatal(err), tt.want != again; got != want {
					t.Errorf("Fatal(%v) = %v, want %v", err, got, want)
				}
				if got, want := Permanent(err), tt.want == permanent; got != want {
					t.Errorf("Permanent(%v) = %v, want %v", err, got, want)
				}
			}
		})
	}
}

func TestRetryGoesOnUntilItSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, calls := time.Now(), 0
		err := retry(t.Context(), alone(quiet), "ask", func(context.Context) error {
			if calls++; calls < 10 {
				return kerr.NotCoordinator
			}
			return nil
		})
		if err != nil || calls != 10 {
			t.Fatalf("%v after %d calls", err, calls)
		}
		// 20, 40, 80, 160, 320, 640 ms, and a second from there on.
		if got, want := time.Since(begin), 1260*time.Millisecond+3*time.Second; got != want {
			t.Errorf("took %v, want %v", got, want)
		}
	})
}

func TestRetryGivesUpWhatIsFatal(t *testing.T) {
	calls := 0
	err := retry(t.Context(), alone(quiet), "ask the broker", func(context.Context) error {
		calls++
		return kerr.TopicAuthorizationFailed
	})
	if calls != 1 || !errors.Is(err, kerr.TopicAuthorizationFailed) || !strings.HasPrefix(err.Error(), "ask the broker: ") {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// The end of its context ends it at once, in the middle of a pause too, and says why and what it
// met last.
func TestRetryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("the loop has failed")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(2*time.Second+50*time.Millisecond, func() { cancel(cause) })
		begin := time.Now()
		err := retry(ctx, alone(quiet), "ask", func(context.Context) error { return kerr.NotCoordinator })
		if !errors.Is(err, cause) || !errors.Is(err, kerr.NotCoordinator) || !strings.HasPrefix(err.Error(), "ask: ") {
			t.Errorf("got %v, want both causes", err)
		}
		if got := time.Since(begin); got != 2*time.Second+50*time.Millisecond {
			t.Errorf("ended after %v", got)
		}
	})
}

// Ten minutes without brokers: a few lines, each with what is waited for and why.
func TestRetryLogsAtGrowingIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buffer bytes.Buffer
		log := slog.New(slog.NewTextHandler(&buffer, nil))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		_ = retry(ctx, alone(log), "take the id", func(context.Context) error { return kerr.NotCoordinator })
		lines := strings.Split(strings.TrimSpace(buffer.String()), "\n")
		if len(lines) < 10 || len(lines) > 30 {
			t.Errorf("%d lines in ten minutes", len(lines))
		}
		for _, part := range []string{"WARN", `for="take the id"`, "since=1", "NOT_COORDINATOR"} {
			if !strings.Contains(lines[0], part) {
				t.Errorf("line %q does not say %q", lines[0], part)
			}
		}
	})
}

func TestShortWaitsAreNotLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var buffer bytes.Buffer
		calls := 0
		err := retry(t.Context(), alone(slog.New(slog.NewTextHandler(&buffer, nil))), "ask", func(context.Context) error {
			if calls++; calls < 5 {
				return kerr.NotCoordinator
			}
			return nil
		})
		if err != nil || buffer.Len() > 0 {
			t.Errorf("%v, logged %q", err, buffer.String())
		}
	})
}

// alone is what one client knows of being let in.
func alone(log *slog.Logger) *Access { return Config{Logger: log}.Shared().Access }
