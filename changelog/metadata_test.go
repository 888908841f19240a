package changelog

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pitwheel/pitwheel/record"
)

// javaMetadata is what Kafka Streams 4.3.1's TopicPartitionMetadata.encode gave for the fields
// beside it; version 1 is what releases before KIP-825 wrote.
var javaMetadata = []struct {
	name    string
	text    string
	want    Metadata
	rewrite bool // our Encode gives the same text
}{
	{"nothing", "Av//////////", metadata(-1), true},
	{"partition time", "AgAAAV0+95h7", metadata(1500000000123), true},
	{
		"store emitted on close",
		"AgAAAV0+95h7AAAAAQAAAChLU1RSRUFNLUFHR1JFR0FURS1TVEFURS1TVE9SRS0wMDAwMDAwMDAzAAABXT73cPA=",
		marked(1500000000123, map[string]record.Time{"KSTREAM-AGGREGATE-STATE-STORE-0000000003": 1499999990000}), true,
	},
	{
		"name of several bytes a letter, negative time", "AgAAAAAAAAAHAAAAAQAAAAhwcml4LeKCrP/////////7",
		marked(7, map[string]record.Time{"prix-€": -5}), true,
	},
	{
		"two stores", "AgAAAAAAAAAKAAAAAgAAAAFhAAAAAAAAAAEAAAABYgAAAAAAAAAC",
		marked(10, map[string]record.Time{"a": 1, "b": 2}), true,
	},
	{
		"names of ours",
		"AgAAAAAAAAAqAAAABAAAAAZjb3VudHMAAAAAAAAAKQAAABlwaXR3aGVlbC5jaGFuZ2Vsb2cuY291bnRzAAAAAAAAAGQAAAAO" +
			"cGl0d2hlZWwub3duZXL//////////gAAAAxwaXR3aGVlbC5zZXEAAAAAAAAAAw==",
		Metadata{
			PartitionTime: 42, Seq: 3, Owner: -2,
			Positions: map[string]int64{"counts": 100}, Marks: map[string]record.Time{"counts": 41},
		}, true,
	},
	{"version 1", "AQAAAV0+95h7", metadata(1500000000123), false},
}

func metadata(at record.Time) Metadata { return marked(at, map[string]record.Time{}) }

func marked(at record.Time, marks map[string]record.Time) Metadata {
	return Metadata{PartitionTime: at, Positions: map[string]int64{}, Marks: marks}
}

func TestJavasMetadataIsRead(t *testing.T) {
	for _, tt := range javaMetadata {
		t.Run(tt.name, func(t *testing.T) {
			got, err := DecodeMetadata(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("DecodeMetadata(%q) (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

func TestMetadataIsWrittenAsJavaWritesIt(t *testing.T) {
	for _, tt := range javaMetadata {
		if !tt.rewrite {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.want.Encode(); got != tt.text {
				t.Errorf("Encode() = %q, Kafka Streams writes %q", got, tt.text)
			}
		})
	}
}

func TestEmptyMetadataSaysNothing(t *testing.T) {
	got, err := DecodeMetadata("")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(metadata(-1), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestMetadataWithoutNumberHasNoOwner(t *testing.T) {
	m := Metadata{PartitionTime: 7, Owner: 9}
	if got, want := m.Encode(), metadata(7).Encode(); got != want {
		t.Errorf("Encode() = %q, want %q", got, want)
	}
}

// The example of docs/format/commit-metadata.md, byte for byte.
func TestDocumentedExampleOfMetadata(t *testing.T) {
	m := Metadata{PartitionTime: 61234, Seq: 7, Owner: 5, Positions: map[string]int64{"views": 42}}
	want := "\x02" + "\x00\x00\x00\x00\x00\x00\xef\x32" + "\x00\x00\x00\x03" +
		"\x00\x00\x00\x18" + "pitwheel.changelog.views" + "\x00\x00\x00\x00\x00\x00\x00\x2a" +
		"\x00\x00\x00\x0e" + "pitwheel.owner" + "\x00\x00\x00\x00\x00\x00\x00\x05" +
		"\x00\x00\x00\x0c" + "pitwheel.seq" + "\x00\x00\x00\x00\x00\x00\x00\x07"
	got, err := base64.StdEncoding.DecodeString(m.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]byte(want), got); diff != "" {
		t.Errorf("-documented +got:\n%s", diff)
	}
}

// storeName draws names that a store may have, some of several bytes a letter.
var storeName = rapid.StringMatching(`[A-Za-z0-9._\-é€]{1,40}`).Filter(func(s string) bool {
	return !strings.HasPrefix(s, "pitwheel.")
})

func drawMetadata(t *rapid.T) Metadata {
	m := Metadata{
		PartitionTime: record.Time(rapid.Int64().Draw(t, "partition time")),
		Seq:           rapid.Int64().Draw(t, "seq"),
		Positions:     rapid.MapOfN(storeName, rapid.Int64(), 0, 8).Draw(t, "positions"),
		Marks:         map[string]record.Time{},
		Input:         rapid.Int64().Draw(t, "input"),
		Changelogs:    rapid.Int64().Draw(t, "changelogs"),
		Stores:        rapid.Int64().Draw(t, "stores"),
	}
	if m.Seq != 0 {
		m.Owner = rapid.Int64().Draw(t, "owner")
	}
	for name, at := range rapid.MapOfN(storeName, rapid.Int64(), 0, 8).Draw(t, "marks") {
		m.Marks[name] = record.Time(at)
	}
	return m
}

func TestMetadataComesBackAsItWas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawMetadata(t)
		text := want.Encode()
		got, err := DecodeMetadata(text)
		if err != nil {
			t.Fatalf("DecodeMetadata(%q): %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
		if again := got.Encode(); again != text {
			t.Fatalf("encoded again: %q, was %q", again, text)
		}
	})
}

func TestCutMetadataIsAnError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole, err := base64.StdEncoding.DecodeString(drawMetadata(t).Encode())
		if err != nil {
			t.Fatal(err)
		}
		cut := rapid.IntRange(1, len(whole)-1).Draw(t, "cut")
		if cut == 9 {
			return // Kafka Streams writes just this where there is no map
		}
		got, err := DecodeMetadata(base64.StdEncoding.EncodeToString(whole[:cut]))
		if !errors.Is(err, ErrMetadata) {
			t.Fatalf("%d of %d bytes were read as %+v, error %v", cut, len(whole), got, err)
		}
	})
}

func TestMetadataErrorsNameWhatIsWrong(t *testing.T) {
	header := append([]byte{2}, make([]byte, 8)...)
	count := func(n uint32) []byte { return binary.BigEndian.AppendUint32(header[:9:9], n) }
	tests := []struct {
		name string
		text string
		says string
	}{
		{"not base64", "!!", "illegal base64"},
		{"without padding", "AgAAAAAAAAAqAAA", "illegal base64"},
		{"a tool's note", "reset", "illegal base64"},
		{"version only", base64Of([]byte{2}), "1 bytes of version 2"},
		{"version 0", base64Of(make([]byte, 9)), "9 bytes of version 0"},
		{"version 3", "AwAAAAAAAAAB", "9 bytes of version 3"},
		{"version 255", base64Of(append([]byte{255}, make([]byte, 8)...)), "version 255"},
		{"time cut short", base64Of(header[:8]), "8 bytes of version 2"},
		{"count cut short", base64Of(append(header[:9:9], 0)), "cut short"},
		{"fewer entries than counted", base64Of(count(1)), "cut short"},
		{"lying count", base64Of(count(math.MaxUint32)), "cut short"},
		{"lying length", base64Of(binary.BigEndian.AppendUint32(count(1), math.MaxUint32)), "cut short"},
		{"length without value", base64Of(append(binary.BigEndian.AppendUint32(count(1), 1), 'a')), "cut short"},
		{"more behind the entries", base64Of(append(count(0), 'x', 'y')), "2 bytes too many"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := DecodeMetadata(tt.text)
			if !errors.Is(err, ErrMetadata) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("DecodeMetadata(%q) = %v, want ErrMetadata that says %q", tt.text, err, tt.says)
			}
		})
	}
}

func base64Of(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// A count or a length is believed only as far as there are bytes.
func TestLyingMetadataAllocatesLittle(t *testing.T) {
	header := append([]byte{2}, make([]byte, 8)...)
	lies := []string{
		base64Of(binary.BigEndian.AppendUint32(header[:9:9], math.MaxUint32)),
		base64Of(append(header[:9:9], 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 'a', 'b', 'c')),
	}
	for _, text := range lies {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := DecodeMetadata(text)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; err == nil || got > 64<<10 {
			t.Errorf("DecodeMetadata(%q) = %v and allocates %d bytes", text, err, got)
		}
	}
}

func FuzzDecodeMetadata(f *testing.F) {
	f.Add("")
	f.Add("!!")
	for _, tt := range javaMetadata {
		f.Add(tt.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := DecodeMetadata(text)
		if err != nil {
			if !errors.Is(err, ErrMetadata) {
				t.Errorf("error %v is not ErrMetadata", err)
			}
			return
		}
		// What was understood is written so that it is understood the same way.
		again, err := DecodeMetadata(m.Encode())
		if err != nil {
			t.Fatalf("%q decodes to %+v, which does not come back: %v", text, m, err)
		}
		if m.Seq == 0 {
			m.Owner = 0
		}
		if diff := cmp.Diff(m, again); diff != "" {
			t.Errorf("%q (-first +again):\n%s", text, diff)
		}
	})
}
