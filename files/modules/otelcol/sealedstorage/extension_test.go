package sealedstorage

import (
	"bytes"
	"context"
	"crypto/rand"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/xconfmap"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

const canary = "first bytes of a tailed file: hunter2"

var tail = component.MustNewIDWithName("file_log", "app")

// site is a storage folder and a key file, as one host has them.
type site struct {
	t       *testing.T
	folder  string
	keyFile string
}

func newSite(t *testing.T) site {
	t.Helper()
	place := site{t, t.TempDir(), filepath.Join(t.TempDir(), "machine-id")}
	place.writeKey(rand.Text())
	return place
}

func (s site) writeKey(content string) {
	s.t.Helper()
	if err := os.WriteFile(s.keyFile, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s site) config(more map[string]any) *Config {
	s.t.Helper()
	keys := map[string]any{"directory": s.folder, "key_file": s.keyFile}
	for key, value := range more {
		keys[key] = value
	}
	config := NewFactory().CreateDefaultConfig().(*Config)
	if err := confmap.NewFromStringMap(keys).Unmarshal(config); err != nil {
		s.t.Fatal(err)
	}
	return config
}

// client starts the extension and opens the store of one component, as a collector does.
func (s site) client(id component.ID) (storage.Client, error) {
	s.t.Helper()
	config := s.config(nil)
	if err := xconfmap.Validate(config); err != nil {
		s.t.Fatal(err)
	}
	settings := extension.Settings{
		ID:                component.NewIDWithName(NewFactory().Type(), "host"),
		TelemetrySettings: componenttest.NewNopTelemetrySettings(),
		BuildInfo:         component.NewDefaultBuildInfo(),
	}
	made, err := NewFactory().Create(s.t.Context(), settings, config)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := made.Start(s.t.Context(), componenttest.NewNopHost()); err != nil {
		s.t.Fatal(err)
	}
	return made.(storage.Extension).GetClient(s.t.Context(), component.KindReceiver, id, "")
}

func (s site) opened(id component.ID) storage.Client {
	s.t.Helper()
	opened, err := s.client(id)
	if err != nil {
		s.t.Fatal(err)
	}
	return opened
}

func closed(t *testing.T, opened storage.Client) {
	t.Helper()
	if err := opened.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func TestValuesComeBackAfterARestart(t *testing.T) {
	place := newSite(t)
	first := place.opened(tail)
	if err := first.Set(t.Context(), "offset", []byte(canary)); err != nil {
		t.Fatal(err)
	}
	closed(t, first)

	second := place.opened(tail)
	defer closed(t, second)
	value, err := second.Get(t.Context(), "offset")
	if err != nil || string(value) != canary {
		t.Fatalf("got %q, %v", value, err)
	}
	if err := second.Delete(t.Context(), "offset"); err != nil {
		t.Fatal(err)
	}
	value, err = second.Get(t.Context(), "offset")
	if value != nil || err != nil {
		t.Fatalf("deleted, but got %q, %v", value, err)
	}
}

func TestAnEmptyValueIsNotAMissingOne(t *testing.T) {
	place := newSite(t)
	opened := place.opened(tail)
	defer closed(t, opened)
	for _, empty := range [][]byte{nil, {}} {
		if err := opened.Set(t.Context(), "empty", empty); err != nil {
			t.Fatal(err)
		}
		value, err := opened.Get(t.Context(), "empty")
		if value == nil || len(value) != 0 || err != nil {
			t.Fatalf("stored %#v, got %#v, %v", empty, value, err)
		}
	}
}

func TestABatchSetsGetsAndDeletes(t *testing.T) {
	place := newSite(t)
	opened := place.opened(tail)
	defer closed(t, opened)
	set := storage.SetOperation("one", []byte(canary))
	got, absent := storage.GetOperation("one"), storage.GetOperation("two")
	absent.Value = []byte("of an earlier use")
	if err := opened.Batch(t.Context(), set, got, absent); err != nil {
		t.Fatal(err)
	}
	if string(got.Value) != canary || absent.Value != nil {
		t.Fatalf("got %q and %q", got.Value, absent.Value)
	}
	if string(set.Value) != canary {
		t.Fatalf("the caller's operation was changed to %q", set.Value)
	}
	if err := opened.Batch(t.Context(), storage.DeleteOperation("one"), got); err != nil {
		t.Fatal(err)
	}
	if got.Value != nil {
		t.Fatalf("deleted, but got %q", got.Value)
	}
}

func TestNothingIsOnDiskInPlainText(t *testing.T) {
	place := newSite(t)
	opened := place.opened(tail)
	if err := opened.Set(t.Context(), "one", []byte(canary)); err != nil {
		t.Fatal(err)
	}
	if err := opened.Batch(t.Context(), storage.SetOperation("two", []byte(canary))); err != nil {
		t.Fatal(err)
	}
	closed(t, opened)

	seen := 0
	err := filepath.WalkDir(place.folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		seen++
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(canary)) || bytes.Contains(content, []byte("hunter2")) {
			t.Errorf("%s holds the value as it is", path)
		}
		return err
	})
	if err != nil || seen == 0 {
		t.Fatalf("%d files, %v", seen, err)
	}
}

func TestAnotherKeyIsRefusedWithTheRemedy(t *testing.T) {
	place := newSite(t)
	closed(t, place.opened(tail))
	place.writeKey(rand.Text())
	_, err := place.client(tail)
	if err == nil {
		t.Fatal("opened with another key")
	}
	for _, told := range []string{place.keyFile, place.folder, "machine id", "receiver file_log/app"} {
		if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(told)) {
			t.Errorf("%q is not in: %v", told, err)
		}
	}
	// The refusal must not hold the file: the collector may be started again at once.
	_, err = place.client(tail)
	if err == nil || strings.Contains(err.Error(), "timeout") {
		t.Fatalf("the second time: %v", err)
	}
}

func TestANewlineMoreInTheKeyFileIsTheSameKey(t *testing.T) {
	place := newSite(t)
	place.writeKey("0123456789abcdef0123456789abcdef")
	closed(t, place.opened(tail))
	place.writeKey("0123456789abcdef0123456789abcdef\n")
	closed(t, place.opened(tail))
}

func TestASealedValueOpensOnlyWhereItWasStored(t *testing.T) {
	mine, err := newBox([]byte("0123456789abcdef"), "receiver file_log/app ")
	if err != nil {
		t.Fatal(err)
	}
	other, err := newBox([]byte("0123456789abcdef"), "receiver file_log/db ")
	if err != nil {
		t.Fatal(err)
	}
	sealed := mine.seal("one", []byte(canary))
	if again := mine.seal("one", []byte(canary)); bytes.Equal(again, sealed) {
		t.Error("the same value is sealed the same way twice")
	}
	if value, err := mine.open("one", sealed); err != nil || string(value) != canary {
		t.Errorf("got %q, %v", value, err)
	}
	if _, err := mine.open("two", sealed); err == nil {
		t.Error("opened under another name")
	}
	if _, err := other.open("one", sealed); err == nil {
		t.Error("opened by another component")
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := mine.open("one", changed); err == nil {
			t.Errorf("opened with byte %d changed", i)
		}
		if _, err := mine.open("one", sealed[:i]); err == nil {
			t.Errorf("opened, cut off at %d", i)
		}
	}
}

func TestWhatFileStorageLeftIsRefused(t *testing.T) {
	place := newSite(t)
	opened := place.opened(tail)
	defer closed(t, opened)
	plain := opened.(*client).plain
	if err := plain.Set(t.Context(), "offset", []byte(canary)); err != nil {
		t.Fatal(err)
	}
	value, err := opened.Get(t.Context(), "offset")
	if err == nil || value != nil || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("got %q, %v", value, err)
	}
}

func TestConfigurationMistakesAreTold(t *testing.T) {
	place := newSite(t)
	for name, mistake := range map[string]struct {
		keys map[string]any
		told string
	}{
		"relative":   {map[string]any{"key_file": "machine-id"}, "absolute path"},
		"missing":    {map[string]any{"key_file": "/nonexistent"}, "no such file"},
		"no folder":  {map[string]any{"directory": "/nonexistent"}, "directory must exist"},
		"file_store": {map[string]any{"compaction": map[string]any{"max_transaction_size": -1}}, "transaction"},
	} {
		t.Run(name, func(t *testing.T) {
			err := xconfmap.Validate(place.config(mistake.keys))
			if err == nil || strings.Count(err.Error(), mistake.told) != 1 {
				t.Fatalf("want %q once, got: %v", mistake.told, err)
			}
		})
	}
	place.writeKey("uninitialized\n")
	if err := xconfmap.Validate(place.config(nil)); err == nil || !strings.Contains(err.Error(), "13 bytes") {
		t.Fatalf("got: %v", err)
	}
}

func TestKeysOfFileStorageAreKept(t *testing.T) {
	place := newSite(t)
	folder := filepath.Join(place.folder, "made")
	config := place.config(map[string]any{
		"directory": folder, "create_directory": true, "directory_permissions": "0700", "fsync": true,
	})
	if err := xconfmap.Validate(config); err != nil {
		t.Fatal(err)
	}
	settings := extension.Settings{
		ID:                component.NewID(NewFactory().Type()),
		TelemetrySettings: componenttest.NewNopTelemetrySettings(),
	}
	if _, err := NewFactory().Create(t.Context(), settings, config); err != nil {
		t.Fatal(err)
	}
	state, err := os.Stat(folder)
	if err != nil || state.Mode().Perm() != 0o700 {
		t.Fatalf("%v, %v", state, err)
	}
}
