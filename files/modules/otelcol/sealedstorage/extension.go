// Package sealedstorage is the storage extension "sealed_storage": file_storage with every value
// encrypted.
//
// The checkpoints of the file log receiver hold the first bytes of each tailed file raw, before
// any redaction (merely in base64), to know it again after a rotation; sending queues hold whole
// log lines. Either may be a secret, and file_storage leaves it on disk for whoever gets to see
// the folder: in backups, in copies of a volume, in what somebody attaches to a bug report.
//
// The key comes from a file that is not in the storage folder, by default the machine id. That
// keeps a copied folder closed; it is no protection from somebody who can read this host's
// folder and key file both, which is what the folder's mode is for. A site that wants more sets
// key_file to a secret that only the collector's user can read.
package sealedstorage

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// defaultKeyFile is there on every host with systemd, differs between hosts and survives
// upgrades.
const defaultKeyFile = "/etc/machine-id"

// Config is file_storage's configuration, on the same level, and where the key comes from.
type Config struct {
	filestorage.Config `mapstructure:",squash"`

	// KeyFile is the file whose content the key is derived from.
	KeyFile string `mapstructure:"key_file"`
}

// Validate reads the key file, so that `otelcol validate`, run as the service's user, tells what
// the service would only find at its start. The keys of file_storage are validated by the
// collector, field by field; without this method they would be twice.
func (config *Config) Validate() error {
	if !filepath.IsAbs(config.KeyFile) {
		return fmt.Errorf("key_file must be an absolute path, it is %q", config.KeyFile)
	}
	_, err := readSecret(config.KeyFile)
	return err
}

// NewFactory makes the extension type "sealed_storage".
func NewFactory() extension.Factory {
	return extension.NewFactory(
		component.MustNewType("sealed_storage"),
		defaultConfig,
		create,
		component.StabilityLevelBeta,
	)
}

func defaultConfig() component.Config {
	config := &Config{KeyFile: defaultKeyFile}
	if files, ok := filestorage.NewFactory().CreateDefaultConfig().(*filestorage.Config); ok {
		config.Config = *files
	}
	return config
}

func create(
	ctx context.Context, settings extension.Settings, config component.Config,
) (extension.Extension, error) {
	own, ok := config.(*Config)
	if !ok {
		return nil, fmt.Errorf("sealed_storage: unexpected configuration %T", config)
	}
	files := filestorage.NewFactory()
	// A factory refuses an ID of another type than its own.
	settings.ID = component.NewIDWithName(files.Type(), settings.ID.Name())
	inner, err := files.Create(ctx, settings, &own.Config)
	if err != nil {
		return nil, err
	}
	plain, ok := inner.(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("sealed_storage: file_storage is no storage any more but %T", inner)
	}
	return &sealedStorage{Extension: plain, config: own}, nil
}

// sealedStorage is a file_storage whose clients encrypt.
type sealedStorage struct {
	storage.Extension
	config *Config
	secret []byte
}

var _ storage.Extension = (*sealedStorage)(nil)

// Start reads the key once: a file that changes later must not split a store in two.
func (sealed *sealedStorage) Start(ctx context.Context, host component.Host) error {
	secret, err := readSecret(sealed.config.KeyFile)
	if err != nil {
		return fmt.Errorf("sealed_storage: %w", err)
	}
	sealed.secret = secret
	return sealed.Extension.Start(ctx, host)
}

// GetClient opens the store of one component. It fails when what is stored there was sealed
// with another key: some components would only log that, start from nothing, and lose a queue.
func (sealed *sealedStorage) GetClient(
	ctx context.Context, kind component.Kind, id component.ID, name string,
) (storage.Client, error) {
	if sealed.secret == nil {
		return nil, errors.New("sealed_storage: asked for a client before it was started")
	}
	owner := fmt.Sprintf("%s %s %s", kind, id, name)
	box, err := newBox(sealed.secret, owner)
	if err != nil {
		return nil, fmt.Errorf("sealed_storage: %w", err)
	}
	plain, err := sealed.Extension.GetClient(ctx, kind, id, name)
	if err != nil {
		return nil, err
	}
	opened := &client{plain: plain, box: box, owner: owner, config: sealed.config}
	if err := opened.prove(ctx); err != nil {
		return nil, errors.Join(err, plain.Close(ctx))
	}
	return opened, nil
}
