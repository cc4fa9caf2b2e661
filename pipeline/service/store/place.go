package store

import (
	"errors"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"

	"weir/pipeline"
)

// Place says where objects are kept: in a directory or in a bucket. It is part of the
// configuration of whoever keeps some.
type Place struct {
	Dir string `yaml:"dir" json:"dir" doc:"A directory on this machine."`
	S3  S3     `yaml:"s3" json:"s3" doc:"A bucket of an S3-compatible service: AWS, R2, B2, Wasabi, Garage, versitygw and others."`
}

// S3 is a bucket, and how to reach it.
type S3 struct {
	Endpoint string `yaml:"endpoint" json:"endpoint" doc:"The service's address: s3.eu-central-1.amazonaws.com, or a URL; http:// only for tests and private networks."`
	Bucket   string `yaml:"bucket" json:"bucket" doc:"The bucket. It has to be there."`
	Prefix   string `yaml:"prefix" json:"prefix" doc:"What is put in front of every object's name, without a slash at the end."`
	Region   string `yaml:"region" json:"region" doc:"The bucket's region. Without one it is asked for."`
	// Style is how the bucket stands in a URL.
	Style string `yaml:"style" json:"style" enum:"auto,path,host" doc:"How the bucket stands in a URL: in the path, or in the host's name. auto knows the large services."`

	AccessKey    pipeline.Secret `yaml:"access_key" json:"access_key" doc:"The access key. Without one, they are taken from the environment (AWS_ACCESS_KEY_ID), the file ~/.aws/credentials or the role of the instance."`
	SecretKey    pipeline.Secret `yaml:"secret_key" json:"secret_key" doc:"The secret key that belongs to it."`
	SessionToken pipeline.Secret `yaml:"session_token" json:"session_token" doc:"The token of temporary keys."`
	Credentials  string          `yaml:"credentials" json:"credentials" enum:"auto,environment,file,role" doc:"Where keys come from that are not in this file; auto tries all three."`
	Profile      string          `yaml:"profile" json:"profile" doc:"The profile in the credentials file."`

	Class      string `yaml:"storage_class" json:"storage_class" doc:"The storage class of what is put, such as STANDARD_IA."`
	Encryption string `yaml:"encryption" json:"encryption" enum:"none,s3,kms" doc:"How the service encrypts what is put: with its own keys (s3) or with one of its KMS."`
	KMSKey     string `yaml:"kms_key" json:"kms_key" doc:"The KMS key; without one, the bucket's."`
	// CA is for services whose certificate no public authority has signed.
	CA string `yaml:"ca" json:"ca" doc:"A PEM file with the authority that signed the service's certificate, if it is not a public one."`
}

// Default is the configuration that a file fills in.
func Default() Place {
	return Place{S3: S3{Style: "auto", Credentials: "auto", Encryption: "none"}}
}

// Bucket says whether it is one, and not a directory.
func (c *Place) Bucket() bool { return c.S3.Endpoint != "" || c.S3.Bucket != "" }

// Address names the place, without anything secret. Two configurations with the same
// address mean the same objects.
func (c *Place) Address() string {
	if !c.Bucket() {
		dir, err := filepath.Abs(c.Dir)
		if err != nil {
			dir = c.Dir
		}
		return "dir " + dir
	}
	u, err := c.S3.url()
	if err != nil {
		return "s3"
	}
	return strings.TrimSuffix("s3 "+u.Host+"/"+c.S3.Bucket+"/"+c.S3.Prefix, "/")
}

// bucketName is what all services agree on.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// Validate says what is wrong. The fields in its errors are below the store.
func (c *Place) Validate() error {
	switch {
	case c.Dir == "" && !c.Bucket():
		return pipeline.Fieldf("dir", "the store is neither a directory nor a bucket").
			WithHint("write store: {dir: recordings}, or store: {s3: {endpoint: …, bucket: …}}")
	case c.Dir != "" && c.Bucket():
		return pipeline.Fieldf("dir", "the store is a directory and a bucket at once").WithHint("take one of them out")
	case !c.Bucket():
		return nil
	}
	return c.S3.validate()
}

func (s *S3) validate() error {
	var errs []error
	if _, err := s.url(); err != nil {
		errs = append(errs, pipeline.Fieldf("s3.endpoint", "%q is no address of a service", s.Endpoint).
			WithHint("write s3.example.net or http://127.0.0.1:7070"))
	}
	if !bucketName.MatchString(s.Bucket) {
		errs = append(errs, pipeline.Fieldf("s3.bucket", "%q is no name of a bucket", s.Bucket).
			WithHint("3 to 63 small letters, digits, dots and hyphens"))
	}
	if s.Prefix != "" && (!ValidKey(s.Prefix) || len(s.Prefix) > 100) {
		errs = append(errs, pipeline.Fieldf("s3.prefix", "%q cannot stand in front of a name", s.Prefix).WithHint("write shows/live, without a slash at either end"))
	}
	if s.AccessKey.Empty() != s.SecretKey.Empty() {
		errs = append(errs, pipeline.Fieldf("s3.secret_key", "access_key and secret_key belong together").WithHint("write both or neither"))
	}
	if s.KMSKey != "" && s.Encryption != "kms" {
		errs = append(errs, pipeline.Fieldf("s3.kms_key", "the key is not used").WithHint("set encryption: kms"))
	}
	return errors.Join(errs...)
}

// url is the endpoint with its scheme.
func (s *S3) url() (*url.URL, error) {
	text := s.Endpoint
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, err
	}
	if u.Host == "" || u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("no endpoint")
	}
	return u, nil
}

// Open makes the store. It talks to nobody; a directory is made when it is needed.
func (c *Place) Open() (Store, error) {
	if c.Bucket() {
		return openBucket(c.S3)
	}
	return &directory{path: c.Dir}, nil
}
