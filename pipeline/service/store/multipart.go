package store

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/minio/minio-go/v7"
)

// What services take: parts of 5 MiB at least but for the last one, 10 000 at most.
const (
	goodPart  = 16 << 20
	mostParts = 10000
)

// partSize is the size of all parts but the last one, in bytes: a multiple of least.
func partSize(total, least int64) int64 {
	each := (total + mostParts - 1) / mostParts
	return max(1, (each+least-1)/least) * least
}

// upload is a multipart upload of one object.
type upload struct {
	b    *bucket
	o    Object
	key  string
	id   string
	have map[int]minio.ObjectPart // by number
}

// PutLarge implements Large. There is no record of its own of what has been put: the
// service has one.
func (b *bucket) PutLarge(ctx context.Context, o Object) error {
	if !ValidKey(o.Key) {
		return fmt.Errorf("%w: %q is no name of an object", ErrRefused, o.Key)
	}
	size := partSize(o.Size, b.part)
	part, err := partOf(o, nil, 0, size)
	if err != nil {
		return err
	}
	u := &upload{b: b, o: o, key: b.key(o.Key)}
	listed, err := u.resume(ctx, part)
	if err == nil && u.id == "" {
		err = u.begin(ctx)
	}
	if err != nil {
		return b.say("put "+o.Key, err)
	}
	parts := make([]minio.CompletePart, 0, (o.Size+size-1)/size)
	for n, at := 1, int64(0); at < o.Size; n, at = n+1, at+size {
		done, err := u.part(ctx, n, at, size, &part)
		if err != nil {
			if !listed { // nobody would find it again
				_ = u.abort(context.WithoutCancel(ctx), u.id)
			}
			return err
		}
		parts = append(parts, minio.CompletePart{PartNumber: n, ETag: done.ETag})
	}
	return u.complete(ctx, parts)
}

// partOf reads a part of an object into buf, if that is large enough.
func partOf(o Object, buf []byte, at, size int64) ([]byte, error) {
	size = min(size, o.Size-at)
	if int64(cap(buf)) < size {
		buf = make([]byte, size)
	}
	buf = buf[:size]
	if n, err := o.Body.ReadAt(buf, at); int64(n) < size {
		if err == nil || errors.Is(err, io.EOF) {
			err = ErrContent
		}
		return nil, fmt.Errorf("put %s: %w", o.Key, err)
	}
	return buf, nil
}

// resume looks for an upload of the key that began with the same first part, and ends
// all others. The first part of a film holds the places of all that follows, so what
// begins alike is alike. listed is false where the service does not say what there is.
func (u *upload) resume(ctx context.Context, first []byte) (listed bool, err error) {
	ids, err := u.b.uploads(ctx, u.key)
	if err != nil {
		return false, nil //nolint:nilerr // many keys may put and not list
	}
	sum := md5.Sum(first) // what the service tells of a part
	for _, id := range ids {
		have, err := u.parts(ctx, id)
		if err == nil && u.id == "" && strings.Trim(have[1].ETag, `"`) == hex.EncodeToString(sum[:]) {
			u.id, u.have = id, have
			continue
		}
		if err := u.abort(ctx, id); err != nil {
			return true, err
		}
	}
	return true, nil
}

// uploads lists the unfinished uploads of exactly that key.
func (b *bucket) uploads(ctx context.Context, key string) (ids []string, err error) {
	ctx, cancel := deadline(ctx, 0)
	defer cancel()
	for marker, next := "", ""; ; {
		page, err := b.client.ListMultipartUploads(ctx, b.cfg.Bucket, key, marker, next, "", 1000)
		if err != nil {
			return nil, err
		}
		for _, u := range page.Uploads {
			if u.Key == key {
				ids = append(ids, u.UploadID)
			}
		}
		if !page.IsTruncated || page.NextKeyMarker == marker && page.NextUploadIDMarker == next {
			return ids, nil
		}
		marker, next = page.NextKeyMarker, page.NextUploadIDMarker
	}
}

// parts lists what the service has of an upload.
func (u *upload) parts(ctx context.Context, id string) (map[int]minio.ObjectPart, error) {
	ctx, cancel := deadline(ctx, 0)
	defer cancel()
	have := make(map[int]minio.ObjectPart)
	for marker := 0; ; {
		page, err := u.b.client.ListObjectParts(ctx, u.b.cfg.Bucket, u.key, id, marker, 1000)
		if err != nil {
			return nil, err
		}
		for _, p := range page.ObjectParts {
			have[p.PartNumber] = p
		}
		if !page.IsTruncated || page.NextPartNumberMarker <= marker {
			return have, nil
		}
		marker = page.NextPartNumberMarker
	}
}

func (u *upload) begin(ctx context.Context) (err error) {
	ctx, cancel := deadline(ctx, 0)
	defer cancel()
	u.id, err = u.b.client.NewMultipartUpload(ctx, u.b.cfg.Bucket, u.key, minio.PutObjectOptions{
		ContentType: u.o.Type, StorageClass: u.b.cfg.Class, ServerSideEncryption: u.b.sse, CacheControl: "no-cache",
	})
	return err
}

// part puts one that the service has not got. buf holds the first one, and is used for
// those that follow.
func (u *upload) part(ctx context.Context, n int, at, size int64, buf *[]byte) (minio.ObjectPart, error) {
	if p, ok := u.have[n]; ok && p.Size == min(size, u.o.Size-at) {
		return p, nil
	}
	if n > 1 {
		var err error
		if *buf, err = partOf(u.o, *buf, at, size); err != nil {
			return minio.ObjectPart{}, err
		}
	}
	ctx, cancel := deadline(ctx, int64(len(*buf)))
	defer cancel()
	sum := sha256.Sum256(*buf)
	p, err := u.b.client.PutObjectPart(ctx, u.b.cfg.Bucket, u.key, u.id, n, bytes.NewReader(*buf), int64(len(*buf)),
		minio.PutObjectPartOptions{Sha256Hex: hex.EncodeToString(sum[:]), DisableContentSha256: true})
	return p, u.b.say(fmt.Sprintf("put part %d of %s", n, u.o.Key), err)
}

// complete makes an object of the parts, and looks whether it is there.
func (u *upload) complete(ctx context.Context, parts []minio.CompletePart) error {
	// Some services put large objects together while they answer.
	bound, cancel := deadline(ctx, u.o.Size/64)
	defer cancel()
	_, err := u.b.client.CompleteMultipartUpload(bound, u.b.cfg.Bucket, u.key, u.id, parts, minio.PutObjectOptions{})
	if err != nil && minio.ToErrorResponse(err).Code != "NoSuchUpload" { // the answer to an earlier try was lost
		return u.b.say("put "+u.o.Key, err)
	}
	info, err := u.b.Stat(ctx, u.o.Key)
	if err == nil && info.Size != u.o.Size {
		err = fmt.Errorf("%s: %w", u.o.Key, ErrContent)
	}
	return err
}

func (u *upload) abort(ctx context.Context, id string) error {
	ctx, cancel := deadline(ctx, 0)
	defer cancel()
	err := u.b.client.AbortMultipartUpload(ctx, u.b.cfg.Bucket, u.key, id)
	if minio.ToErrorResponse(err).Code == "NoSuchUpload" {
		return nil
	}
	return err
}

// Abandon implements Large.
func (b *bucket) Abandon(ctx context.Context, key string) error {
	u := &upload{b: b, key: b.key(key)}
	ids, err := b.uploads(ctx, u.key)
	for _, id := range ids {
		if err == nil {
			err = u.abort(ctx, id)
		}
	}
	return b.say("abandon "+key, err)
}
