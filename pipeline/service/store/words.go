package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/minio/minio-go/v7"
)

// remedies says for the error codes of S3 what is wrong and what to do, %s being the
// bucket. They are final until somebody has done it.
func remedies() map[string]string {
	return map[string]string{
		"NoSuchBucket":                 "the bucket %s does not exist: create it, or correct s3.bucket and s3.region",
		"InvalidAccessKeyId":           "the service does not know the access key: it was revoked or mistyped; put a valid pair into access_key and secret_key",
		"XAdminUserNotFound":           "the service does not know the access key: it was revoked or mistyped; put a valid pair into access_key and secret_key",
		"SignatureDoesNotMatch":        "the secret key does not belong to the access key: copy secret_key again",
		"AccessDenied":                 "the key has no right to the bucket %s: allow it s3:PutObject, s3:GetObject, s3:DeleteObject and s3:ListBucket",
		"Forbidden":                    "the key has no right to the bucket %s: allow it s3:PutObject, s3:GetObject, s3:DeleteObject and s3:ListBucket",
		"RequestTimeTooSkewed":         "the clocks of this machine and of the service differ by more than 15 minutes: set this one right (timedatectl set-ntp true)",
		"ExpiredToken":                 "the temporary keys have expired: bring new ones, or let weir take them from the role of the instance",
		"InvalidToken":                 "the session token does not belong to the keys: bring all three anew",
		"AccountProblem":               "the service has a problem with the account: look at its console",
		"AllAccessDisabled":            "the service has closed the bucket %s: look at its console",
		"PermanentRedirect":            "the bucket %s is in another region: set s3.region and the endpoint of that region",
		"InvalidStorageClass":          "the service does not know this storage class: correct s3.storage_class",
		"AuthorizationHeaderMalformed": "the bucket %s is in another region: set s3.region to it",
		"KMS.NotFoundException":        "there is no such KMS key: correct s3.kms_key",
	}
}

// say puts an error of the service into words that say what to do.
func (b *bucket) say(op string, err error) error {
	if err == nil {
		return nil
	}
	r := minio.ToErrorResponse(err)
	if words, ok := remedies()[r.Code]; ok {
		return fmt.Errorf("%w: %s", ErrRefused, strings.ReplaceAll(words, "%s", b.cfg.Bucket))
	}
	switch {
	case r.Code == "NoSuchKey", r.Code == "" && r.StatusCode == http.StatusNotFound:
		return ErrNotFound
	case r.Code == "SlowDown", r.StatusCode == http.StatusServiceUnavailable, r.StatusCode == http.StatusTooManyRequests:
		return fmt.Errorf("%s: the service asks for less: it is overloaded, or limits this key", op)
	case r.Code == "QuotaExceeded", r.Code == "XMinioStorageFull", r.StatusCode == http.StatusInsufficientStorage:
		return fmt.Errorf("%w: no space is left in the bucket %s: delete something, or raise its quota", ErrFull, b.cfg.Bucket)
	case r.StatusCode == http.StatusForbidden, r.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%w: %s", ErrRefused, strings.ReplaceAll(remedies()["AccessDenied"], "%s", b.cfg.Bucket))
	case r.StatusCode >= 500:
		return fmt.Errorf("%s: the service has an error of its own (%d %s)", op, r.StatusCode, r.Code)
	}
	return b.sayNetwork(op, err)
}

// sayNetwork is for what no service has answered.
func (b *bucket) sayNetwork(op string, err error) error {
	var name *net.DNSError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	switch at := b.cfg.Endpoint; {
	case errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%s: nobody listens at %s: is the service up, and the port right?", op, at)
	case errors.As(err, &name):
		return fmt.Errorf("%s: the name %s is not known: is it right, and does DNS work here?", op, name.Name)
	case errors.As(err, &authority):
		return fmt.Errorf("%w: the certificate of %s is signed by an authority that this machine does not know: name it in s3.ca", ErrRefused, at)
	case errors.As(err, &host):
		return fmt.Errorf("%w: the certificate of %s is for another name: correct s3.endpoint, or set s3.style: path", ErrRefused, at)
	case errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return fmt.Errorf("%w: %s does not speak TLS: write http:// in front of s3.endpoint if that is meant", ErrRefused, at)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return fmt.Errorf("%s: %s does not answer in time", op, at)
	case errors.Is(err, ErrContent):
		return err
	default:
		return fmt.Errorf("%s: %w", op, err)
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
