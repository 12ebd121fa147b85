package journald

import (
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/stanza/operator/input/journald"
	"go.opentelemetry.io/collector/confmap"
)

func TestTheKeysAreUpstreams(t *testing.T) {
	config := NewFactory().CreateDefaultConfig().(*Config)
	keys := map[string]any{
		"directory":             "/var/log/journal",
		"start_at":              "beginning",
		"priority":              "debug",
		"units":                 []any{"ssh.service"},
		"identifiers":           []any{"sudo"},
		"matches":               []any{map[string]any{"_TRANSPORT": "kernel"}},
		"grep":                  "x",
		"namespace":             "n",
		"dmesg":                 true,
		"all":                   true,
		"merge":                 true,
		"convert_message_bytes": true,
		"journalctl_path":       "/usr/bin/journalctl",
		"storage":               "sealed_storage/host",
		"retry_on_failure":      map[string]any{"enabled": true, "max_elapsed_time": "0s"},
		"attributes":            map[string]any{"a": "b"},
		"operators":             []any{map[string]any{"type": "regex_replace", "regex": "x", "field": "body"}},
	}
	if err := confmap.NewFromStringMap(keys).Unmarshal(config); err != nil {
		t.Fatal(err)
	}
	if *config.Input.Directory != "/var/log/journal" || config.Input.Units[0] != "ssh.service" {
		t.Errorf("%+v", config.Input)
	}
	if config.StorageID.String() != "sealed_storage/host" || len(config.Operators) != 1 {
		t.Errorf("%+v", config.BaseConfig)
	}
}

func TestTheDefaultsAreTheOperators(t *testing.T) {
	config := NewFactory().CreateDefaultConfig().(*Config)
	if config.Input.StartAt != journald.NewConfig().StartAt || config.Input.JournalctlPath == "" {
		t.Errorf("%+v", config.Input)
	}
	if config.RetryOnFailure.InitialInterval == 0 {
		t.Error("retry_on_failure has no defaults any more")
	}
}
