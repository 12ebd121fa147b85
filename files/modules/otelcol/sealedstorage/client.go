package sealedstorage

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// proofKey holds a known value that tells at once whether the key is the right one.
const proofKey = "sealed_storage.proof"

// client seals what one component stores.
type client struct {
	plain  storage.Client
	box    box
	owner  string
	config *Config
}

var _ storage.Client = (*client)(nil)

// Get gives the value of key, nil if there is none.
func (c *client) Get(ctx context.Context, key string) ([]byte, error) {
	sealed, err := c.plain.Get(ctx, key)
	if err != nil || sealed == nil {
		return nil, err
	}
	return c.open(key, sealed)
}

// Set stores value under key.
func (c *client) Set(ctx context.Context, key string, value []byte) error {
	return c.plain.Set(ctx, key, c.box.seal(key, value))
}

// Delete removes key; no error if it is not there.
func (c *client) Delete(ctx context.Context, key string) error {
	return c.plain.Delete(ctx, key)
}

// Batch does all operations in one transaction. The caller's operations keep what they set: it
// may use them again when this fails.
func (c *client) Batch(ctx context.Context, operations ...*storage.Operation) error {
	sealed := make([]*storage.Operation, len(operations))
	for i, operation := range operations {
		copied := *operation
		if copied.Type == storage.Set {
			copied.Value = c.box.seal(copied.Key, copied.Value)
		}
		sealed[i] = &copied
	}
	if err := c.plain.Batch(ctx, sealed...); err != nil {
		return err
	}
	var problems []error
	for i, operation := range operations {
		if operation.Type != storage.Get {
			continue
		}
		operation.Value = nil
		if sealed[i].Value == nil {
			continue
		}
		value, err := c.open(operation.Key, sealed[i].Value)
		operation.Value = value
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// Close gives the store free.
func (c *client) Close(ctx context.Context) error {
	return c.plain.Close(ctx)
}

// prove opens the known value, or writes it into a store that has none yet.
func (c *client) prove(ctx context.Context) error {
	stored, err := c.Get(ctx, proofKey)
	if err != nil || stored != nil {
		return err
	}
	return c.Set(ctx, proofKey, []byte(c.owner))
}

// open says what to do when it cannot: the cipher only knows that something is different.
func (c *client) open(key string, sealed []byte) ([]byte, error) {
	value, err := c.box.open(key, sealed)
	if err != nil {
		return nil, fmt.Errorf(
			"sealed_storage: %q of %s in %s is %w, derived from %s; restore what that file held "+
				"(for /etc/machine-id: the machine id), or remove the folder and accept that files "+
				"are read again and that what was queued is lost",
			key, c.owner, c.config.Directory, err, c.config.KeyFile)
	}
	return value, nil
}
