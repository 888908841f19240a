package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/pitwheel/pitwheel/integration/soak/account"
)

// checkAll compares all that is left with the account, once all results have come.
func (s *soak) checkAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	if err := s.whole(ctx); err != nil {
		return err
	}
	if err := s.checkQueries(ctx); err != nil {
		return err
	}
	if err := s.fleet.stopAll(); err != nil {
		return err
	}
	if err := errors.Join(s.checkTransactions(ctx), s.checkLag(ctx)); err != nil {
		return err
	}
	for _, store := range account.Stores() {
		err := s.kafka.read(ctx, []string{changelogOf(store)}, nil, func(r *kgo.Record) { s.account.Changelog(resultOf(r, store)) })
		if err != nil {
			return err
		}
	}
	s.account.CheckChangelogs()
	if missing := s.account.Missing(); missing != (account.Counts{}) {
		return fmt.Errorf("%w: %+v are missing", errBroken, missing)
	}
	if n := s.account.Counts().Bad(); n > 0 {
		return fmt.Errorf("%w: %d of them", errBroken, n)
	}
	return nil
}

// checkTransactions wants none open: every topic's last stable offset is its end.
func (s *soak) checkTransactions(ctx context.Context) error {
	topics := append(account.Topics(), inputs()...)
	for _, store := range account.Stores() {
		topics = append(topics, changelogOf(store))
	}
	stable, err := s.kafka.admin.ListCommittedOffsets(ctx, topics...)
	if err = firstOf(err, stable.Error()); err != nil {
		return fmt.Errorf("list the last stable offsets: %w", err)
	}
	ends, err := s.kafka.admin.ListEndOffsets(ctx, topics...)
	if err = firstOf(err, ends.Error()); err != nil {
		return fmt.Errorf("list the ends: %w", err)
	}
	ends.Each(func(o kadm.ListedOffset) {
		if l, _ := stable.Lookup(o.Topic, o.Partition); l.Offset != o.Offset {
			err = firstOf(err, fmt.Errorf("%w: %s[%d] has an open transaction: it is stable to %d, and ends at %d",
				errBroken, o.Topic, o.Partition, l.Offset, o.Offset))
		}
	})
	return err
}

// checkLag wants no record behind the committed offsets.
func (s *soak) checkLag(ctx context.Context) error {
	lags, err := s.kafka.lags(ctx)
	if err != nil {
		return fmt.Errorf("look at the lag: %w", err)
	}
	from, behind := map[place]int64{}, 0
	for p, l := range lags {
		from[p] = l.committed
	}
	if err := s.kafka.read(ctx, inputs(), from, func(*kgo.Record) { behind++ }); err != nil {
		return err
	}
	if behind > 0 {
		return fmt.Errorf("%w: %d records are behind the committed offsets", errBroken, behind)
	}
	return nil
}

// checkQueries has each instance write its rows, which together must be all rows, each once.
func (s *soak) checkQueries(ctx context.Context) error {
	if len(s.fleet.up()) == 0 {
		return errors.New("no instance is up to be asked for its rows")
	}
	for _, i := range s.fleet.up() {
		path := filepath.Join(s.dir, i.name+".rows")
		if _, err := i.process.ask(ctx, dumpCommand+" "+path); err != nil {
			return fmt.Errorf("%s: %w", i.name, err)
		}
		if err := s.readRows(path); err != nil {
			return err
		}
	}
	s.account.CheckRows()
	return nil
}

// readRows reads what servant.dump wrote.
func (s *soak) readRows(path string) error {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 3 {
			return fmt.Errorf("%s: %q is no row", path, lines.Text())
		}
		key, value := []byte(fields[1]), []byte{}
		if name, start, windowed := strings.Cut(fields[1], "@"); windowed {
			n, err := strconv.ParseInt(start, 10, 64)
			if err != nil {
				return fmt.Errorf("%s: %q: %w", path, lines.Text(), err)
			}
			key = binary.BigEndian.AppendUint64([]byte(name), uint64(n))
		}
		for _, text := range fields[2:] {
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return fmt.Errorf("%s: %q: %w", path, lines.Text(), err)
			}
			value = binary.BigEndian.AppendUint64(value, uint64(n))
		}
		s.account.Row(account.Result{Topic: fields[0], Offset: -1, Key: key, Value: value})
	}
	return lines.Err()
}
