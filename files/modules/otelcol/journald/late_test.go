package journald

import (
	"context"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/stanza/operator"
)

// memory is a persister that only takes values.
type memory struct {
	operator.Persister
	held map[string]string
}

func (place memory) Set(_ context.Context, key string, value []byte) error {
	place.held[key] = string(value)
	return nil
}

func TestThePlaceWrittenDownIsTheOneBefore(t *testing.T) {
	place := memory{held: map[string]string{}}
	persister := &late{Persister: place, noted: map[string][]byte{}}
	for number, value := range []string{"a", "b", "c"} {
		if err := persister.Set(context.Background(), "cursor", []byte(value)); err != nil {
			t.Fatal(err)
		}
		if wanted := []string{"", "a", "b"}[number]; place.held["cursor"] != wanted {
			t.Fatalf("after %q %q is written down, not %q", value, place.held["cursor"], wanted)
		}
	}
}
