package store

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// transport waits for nothing for long.
func transport(ca string) (*http.Transport, error) {
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: callTime,
		ExpectContinueTimeout: time.Second,
		IdleConnTimeout:       30 * time.Second,
		MaxIdleConnsPerHost:   16,
		DisableCompression:    true, // sizes are those of the objects
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
	}
	if ca == "" {
		return t, nil
	}
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("read the authority of the store's certificate: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM", ca)
	}
	t.TLSClientConfig.RootCAs = pool
	return t, nil
}

// keys is where the access keys come from.
func keys(cfg S3, web *http.Transport) *credentials.Credentials {
	if !cfg.AccessKey.Empty() {
		return credentials.NewStaticV4(cfg.AccessKey.Reveal(), cfg.SecretKey.Reveal(), cfg.SessionToken.Reveal())
	}
	environment, file := &credentials.EnvAWS{}, &credentials.FileAWSCredentials{Profile: cfg.Profile}
	role := &credentials.IAM{Client: &http.Client{Transport: web, Timeout: 5 * time.Second}}
	switch cfg.Credentials {
	case "environment":
		return credentials.New(environment)
	case "file":
		return credentials.New(file)
	case "role":
		return credentials.New(role)
	default:
		return credentials.NewChainCredentials([]credentials.Provider{environment, file, role})
	}
}
