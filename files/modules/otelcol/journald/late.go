package journald

import (
	"bytes"
	"context"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/stanza/operator"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/stanza/operator/input/journald"
	"go.opentelemetry.io/collector/component"
)

// The operator notes its place in the journal before it hands the entry on. Whoever is killed in
// between never hands that entry on. So the place that is written down is always the one before:
// at worst one entry is read twice, which has the same time and text and is stored once.

// careful builds the operator with a place that is noted late.
type careful struct {
	*journald.Config
}

// Build makes the operator.
func (config careful) Build(settings component.TelemetrySettings) (operator.Operator, error) {
	inner, err := config.Config.Build(settings)
	if err != nil {
		return nil, err
	}
	return &input{inner}, nil
}

// input is the operator; only what it notes its place with is another.
type input struct {
	operator.Operator
}

// Start begins to read.
func (reading *input) Start(persister operator.Persister) error {
	return reading.Operator.Start(&late{Persister: persister, noted: map[string][]byte{}})
}

// late writes a value down when the next one comes.
type late struct {
	operator.Persister
	noted map[string][]byte
}

// Set keeps the value, and writes down the one before.
func (persister *late) Set(ctx context.Context, key string, value []byte) error {
	before, known := persister.noted[key]
	persister.noted[key] = bytes.Clone(value)
	if !known {
		return nil
	}
	return persister.Persister.Set(ctx, key, before)
}
