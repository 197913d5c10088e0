package trafficmanager

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"

	"mgw/runtime/internal/event"
)

// boltStore is the embedded database of a manager that works alone.
type boltStore struct{ db *bbolt.DB }

// Buckets. Keys of decisions begin with the expiry, so that those which are
// over stand first.
var (
	decisionsBucket = []byte("decisions") // expiry, throttleKey -> JSON
	blocksBucket    = []byte("blocks")    // id -> JSON
	templatesBucket = []byte("templates") // template -> nothing
)

const databaseName = "traffic-manager.db"

// openBolt opens the database in a folder, which it makes.
func openBolt(dir string) (*boltStore, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, databaseName)
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: 2 * time.Second, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
	})
	if errors.Is(err, bbolterrors.ErrTimeout) {
		err = errors.New("another traffic manager uses it")
	}
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", path, err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{decisionsBucket, blocksBucket, templatesBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("preparing %s: %w", path, err)
	}
	return &boltStore{db}, nil
}

func (s *boltStore) close() error { return s.db.Close() }

func (s *boltStore) load(context.Context) (saved, error) {
	var all saved
	err := s.db.View(func(tx *bbolt.Tx) error {
		err := tx.Bucket(decisionsBucket).ForEach(func(_, v []byte) error {
			d, err := parseHeld(v)
			all.decisions = append(all.decisions, d)
			return err
		})
		if err != nil {
			return err
		}
		err = tx.Bucket(blocksBucket).ForEach(func(_, v []byte) error {
			var b event.Block
			err := json.Unmarshal(v, &b)
			all.blocks = append(all.blocks, b)
			return err
		})
		if err != nil {
			return err
		}
		return tx.Bucket(templatesBucket).ForEach(func(k, _ []byte) error {
			all.templates = append(all.templates, string(k))
			return nil
		})
	})
	if err != nil {
		return saved{}, fmt.Errorf("reading %s: %w", s.db.Path(), err)
	}
	return all, nil
}

func (s *boltStore) decided(_ context.Context, all []*held) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(decisionsBucket)
		for _, d := range all {
			if err := b.Put(decisionKey(d), d.json); err != nil {
				return err
			}
		}
		return nil
	})
}

func decisionKey(d *held) []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(d.Expiry)), d.Key...)
}

// expiredStep bounds a transaction that decisions may have to wait for.
const expiredStep = 1000

func (s *boltStore) expired(ctx context.Context, now int64) error {
	for more := true; more && ctx.Err() == nil; {
		var old [][]byte
		err := s.db.View(func(tx *bbolt.Tx) error {
			c := tx.Bucket(decisionsBucket).Cursor()
			for k, _ := c.First(); k != nil && len(old) < expiredStep && over(k, now); k, _ = c.Next() {
				old = append(old, append([]byte(nil), k...))
			}
			return nil
		})
		if err != nil || len(old) == 0 {
			return err
		}
		more = len(old) == expiredStep
		err = s.db.Update(func(tx *bbolt.Tx) error {
			for _, k := range old {
				if err := tx.Bucket(decisionsBucket).Delete(k); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func over(key []byte, now int64) bool {
	return len(key) < 8 || int64(binary.BigEndian.Uint64(key)) < now
}

func (s *boltStore) addBlock(_ context.Context, block event.Block) (int64, error) {
	err := s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(blocksBucket)
		id, err := b.NextSequence()
		if err != nil {
			return err
		}
		block.ID = int64(id)
		text, err := json.Marshal(block)
		if err != nil {
			return err
		}
		return b.Put(binary.BigEndian.AppendUint64(nil, id), text)
	})
	return block.ID, err
}

func (s *boltStore) removeBlock(_ context.Context, id int64) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(blocksBucket).Delete(binary.BigEndian.AppendUint64(nil, uint64(id)))
	})
}

func (s *boltStore) addTemplate(_ context.Context, template string) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(templatesBucket).Put([]byte(template), nil)
	})
}

func (s *boltStore) removeTemplate(_ context.Context, template string) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(templatesBucket).Delete([]byte(template))
	})
}
