package store

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/encrypt"
)

// bucket is a bucket of an S3-compatible service.
type bucket struct {
	cfg    S3
	client *minio.Core
	sse    encrypt.ServerSide
	part   int64 // of large objects, in bytes
	// unconditional says that the service does not know If-None-Match.
	unconditional atomic.Bool
}

// How long a call may take: a constant, and what the slowest link that is of use needs
// for the payload.
const (
	callTime = 10 * time.Second
	slowest  = 64 << 10 // bytes a second
)

func openBucket(cfg S3) (*bucket, error) {
	u, err := cfg.url()
	if err != nil {
		return nil, err
	}
	web, err := transport(cfg.CA)
	if err != nil {
		return nil, err
	}
	lookup := map[string]minio.BucketLookupType{"path": minio.BucketLookupPath, "host": minio.BucketLookupDNS}[cfg.Style]
	client, err := minio.NewCore(u.Host, &minio.Options{
		Creds: keys(cfg, web), Secure: u.Scheme == "https", Transport: web,
		Region: cfg.Region, BucketLookup: lookup, MaxRetries: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("s3 %s: %w", cfg.Endpoint, err)
	}
	b := &bucket{cfg: cfg, client: client, part: goodPart}
	switch cfg.Encryption {
	case "s3":
		b.sse = encrypt.NewSSE()
	case "kms":
		if b.sse, err = encrypt.NewSSEKMS(cfg.KMSKey, nil); err != nil {
			return nil, fmt.Errorf("kms key: %w", err)
		}
	}
	return b, nil
}

// sumKey is the metadata that holds the SHA-256 for services without checksums.
const sumKey = "Weir-Sha256"

func (b *bucket) key(key string) string {
	if b.cfg.Prefix == "" {
		return key
	}
	return b.cfg.Prefix + "/" + key
}

// Put implements Store. The signature covers the content's SHA-256, so the service
// refuses whatever arrives damaged. What it then says to have is compared all the same:
// something in between may have answered for it.
func (b *bucket) Put(ctx context.Context, o Object) error {
	if !ValidKey(o.Key) {
		return fmt.Errorf("%w: %q is no name of an object", ErrRefused, o.Key)
	}
	if o.Fixed && b.unconditional.Load() {
		if _, err := b.Stat(ctx, o.Key); err == nil {
			return b.verify(ctx, o)
		} else if !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	err := b.send(ctx, o)
	switch code := minio.ToErrorResponse(err).Code; {
	case err == nil:
		return b.verify(ctx, o)
	case o.Fixed && (code == "PreconditionFailed" || code == "ConditionalRequestConflict"):
		return b.verify(ctx, o)
	case o.Fixed && code == "NotImplemented" && !b.unconditional.Swap(true):
		return b.Put(ctx, o)
	default:
		return b.say("put "+o.Key, err)
	}
}

// send is the one request that carries the content.
func (b *bucket) send(ctx context.Context, o Object) error {
	ctx, cancel := deadline(ctx, o.Size)
	defer cancel()
	opts := minio.PutObjectOptions{
		ContentType: o.Type, StorageClass: b.cfg.Class, ServerSideEncryption: b.sse,
		DisableMultipart: true, DisableContentSha256: true, // it is given below
		CacheControl: "no-cache",
		UserMetadata: map[string]string{
			"x-amz-checksum-sha256": base64.StdEncoding.EncodeToString(o.Sum[:]),
			sumKey:                  hex.EncodeToString(o.Sum[:]),
		},
	}
	if o.Fixed {
		opts.CacheControl = "public, max-age=31536000, immutable"
		if !b.unconditional.Load() {
			opts.SetMatchETagExcept("*")
		}
	}
	_, err := b.client.PutObject(ctx, b.cfg.Bucket, b.key(o.Key), io.NewSectionReader(o.Body, 0, o.Size), o.Size,
		"", hex.EncodeToString(o.Sum[:]), opts)
	return err
}

// verify looks whether what is there is the object.
func (b *bucket) verify(ctx context.Context, o Object) error {
	info, err := b.Stat(ctx, o.Key)
	switch {
	case errors.Is(err, ErrNotFound):
		return fmt.Errorf("put %s: the service took it and does not have it; something between here and there answers for it", o.Key)
	case err != nil:
		return err
	case info.Size != o.Size || info.Summed && info.Sum != o.Sum:
		return fmt.Errorf("%s: %w", o.Key, ErrExists)
	}
	return nil
}

// Get implements Store.
func (b *bucket) Get(ctx context.Context, key string, from, size int64) (io.ReadCloser, error) {
	var opts minio.GetObjectOptions
	if size < 0 {
		info, err := b.Stat(ctx, key)
		if err != nil {
			return nil, err
		}
		size = max(0, info.Size-from)
	}
	if size == 0 {
		return io.NopCloser(strings.NewReader("")), nil
	}
	if err := opts.SetRange(from, from+size-1); err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	ctx, cancel := deadline(ctx, size)
	body, _, _, err := b.client.GetObject(ctx, b.cfg.Bucket, b.key(key), opts)
	if err != nil {
		cancel()
		return nil, b.say("get "+key, err)
	}
	return &download{ReadCloser: body, cancel: cancel}, nil
}

// download is the body of an answer with its deadline.
type download struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (d *download) Close() error {
	defer d.cancel()
	return d.ReadCloser.Close()
}

// Stat implements Store.
func (b *bucket) Stat(ctx context.Context, key string) (Info, error) {
	ctx, cancel := deadline(ctx, 0)
	defer cancel()
	o, err := b.client.StatObject(ctx, b.cfg.Bucket, b.key(key), minio.StatObjectOptions{Checksum: true})
	if err != nil {
		return Info{}, b.say("look at "+key, err)
	}
	info := Info{Key: key, Size: o.Size, Modified: o.LastModified}
	sum, err := base64.StdEncoding.DecodeString(o.ChecksumSHA256)
	if err != nil || len(sum) != len(info.Sum) {
		sum, err = hex.DecodeString(o.UserMetadata[sumKey])
	}
	if err == nil && len(sum) == len(info.Sum) {
		info.Sum, info.Summed = [32]byte(sum), true
	}
	return info, nil
}

// List implements Store.
func (b *bucket) List(ctx context.Context, prefix string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		// The deadline is for each page, which has at most 1000 objects.
		timer := time.AfterFunc(callTime, cancel)
		defer timer.Stop()
		for o := range b.client.ListObjectsIter(ctx, b.cfg.Bucket, minio.ListObjectsOptions{Prefix: b.key(prefix), Recursive: true}) {
			timer.Stop()
			if o.Err != nil {
				yield(Info{}, b.say("list "+prefix, o.Err))
				return
			}
			key := o.Key
			if b.cfg.Prefix != "" {
				key = strings.TrimPrefix(key, b.cfg.Prefix+"/")
			}
			if !strings.HasSuffix(key, "/") && !yield(Info{Key: key, Size: o.Size, Modified: o.LastModified}, nil) {
				return
			}
			timer.Reset(callTime)
		}
		if err := ctx.Err(); err != nil {
			yield(Info{}, b.say("list "+prefix, err))
		}
	}
}

// Delete implements Store.
func (b *bucket) Delete(ctx context.Context, key string) error {
	ctx, cancel := deadline(ctx, 0)
	defer cancel()
	err := b.client.RemoveObject(ctx, b.cfg.Bucket, b.key(key), minio.RemoveObjectOptions{})
	if r := minio.ToErrorResponse(err); err != nil && r.StatusCode == http.StatusNotFound && r.Code != "NoSuchBucket" {
		return nil
	}
	return b.say("delete "+key, err)
}

// deadline is that of a call which carries so many bytes.
func deadline(ctx context.Context, size int64) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, callTime+time.Duration(size/slowest)*time.Second)
}
