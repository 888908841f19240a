package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Fatal says that trying again cannot help: the cause must be mended outside.
func Fatal(err error) bool {
	var code *kerr.Error
	if errors.As(err, &code) {
		switch {
		case code.Retriable:
			return false
		case errors.Is(err, kerr.UnknownServerError), errors.Is(err, kerr.UnstableOffsetCommit),
			errors.Is(err, kerr.ConcurrentTransactions), errors.Is(err, kerr.CoordinatorLoadInProgress),
			errors.Is(err, kerr.RebalanceInProgress):
			return false
		}
		return true
	}
	return errors.Is(err, kgo.ErrClientClosed)
}

// refusal says whether a broker did not authenticate this app. How long that is put up with is
// for Access to say.
func refusal(err error) bool {
	return errors.Is(err, kerr.SaslAuthenticationFailed) || errors.Is(err, kerr.UnsupportedSaslMechanism) ||
		errors.Is(err, kerr.IllegalSaslState)
}

// Permanent says that producing the same record again would fail the same way: it is too large, not
// valid, or not allowed.
func Permanent(err error) bool {
	for _, code := range []error{
		kerr.MessageTooLarge, kerr.RecordListTooLarge, kerr.InvalidRecord, kerr.InvalidTimestamp,
		kerr.UnsupportedForMessageFormat, kerr.PolicyViolation, kerr.InvalidTopicException, kerr.UnknownTopicID,
		kerr.TopicAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed, kerr.ClusterAuthorizationFailed,
		kerr.GroupAuthorizationFailed, kerr.OffsetMetadataTooLarge, kerr.FencedInstanceID,
	} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// wait waits for d or for the end of ctx.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// retry calls f until it succeeds, fails for good, the brokers let the app in no more or ctx ends.
// What is retried is logged, at growing intervals.
func retry(ctx context.Context, access *Access, what string, f func(ctx context.Context) error) error {
	pause, logAfter := 20*time.Millisecond, time.Second
	begin, quiet := time.Now(), time.Now()
	var last error // the cause, which the end of ctx must not hide
	for {
		err := f(ctx)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		if ctx.Err() == nil {
			if refused := access.failed(err); refused != nil {
				return fmt.Errorf("%s: %w", what, refused)
			}
			if Fatal(err) && !refusal(err) {
				return fmt.Errorf("%s: %w", what, err)
			}
		}
		if time.Since(quiet) >= logAfter {
			quiet, logAfter = time.Now(), min(2*logAfter, 30*time.Second)
			access.log.Warn("waiting for Kafka", "for", what, "since", time.Since(begin).Round(time.Millisecond), "error", err)
		}
		wait(ctx, pause)
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w (last: %w)", what, context.Cause(ctx), last)
		}
		pause = min(2*pause, time.Second)
	}
}
