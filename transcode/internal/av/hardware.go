//go:build libav && cgo

package av

import (
	"errors"
	"fmt"

	"github.com/asticode/go-astiav"

	"weir/pipeline/media"
)

// The kinds of hardware that can encode, as a job names them.
const (
	anyHardware = "auto"
	noHardware  = "none"
	nvenc       = "nvenc"
	vaapi       = "vaapi"
)

// kinds are the kinds of hardware to try for what a job wants, in order; "" is the
// software encoder.
func kinds(want string) []string {
	switch want {
	case "", noHardware:
		return []string{""}
	case anyHardware:
		return []string{nvenc, vaapi, ""}
	default:
		return []string{want, ""}
	}
}

// openEncoder opens the first encoder that works of those that a job lets it try. note
// is in words what did not work before that.
func openEncoder(want coding, hw string, f *astiav.Frame) (e *encoder, note error, err error) {
	var failures []error
	for _, kind := range kinds(hw) {
		want.hw = kind
		if e, err = newEncoder(want, f); err == nil {
			return e, errors.Join(failures...), nil
		}
		failures = append(failures, err)
	}
	return nil, nil, errors.Join(failures...)
}

// findEncoderOn is the encoder of a codec on that kind of hardware.
func findEncoderOn(c media.Codec, kind string) (*astiav.Codec, error) {
	if kind == "" {
		if found := findEncoder(c); found != nil {
			return found, nil
		}
		return nil, fmt.Errorf("this weir-av has no encoder for %s", c)
	}
	if name := hardwareEncoder(c, kind); name != "" {
		if found := astiav.FindEncoderByName(name); found != nil {
			return found, nil
		}
	}
	return nil, fmt.Errorf("this weir-av has no encoder for %s by %s", c, kind)
}

// working are the kinds of hardware that can encode H.264 here.
func working() []string {
	f := astiav.AllocFrame()
	defer f.Free()
	var found []string
	for _, kind := range []string{nvenc, vaapi} {
		e, err := newEncoder(coding{codec: media.CodecH264, hw: kind, width: 320, height: 180, fps: 30, bitrate: 500_000}, f)
		if err == nil {
			found = append(found, kind)
			e.close()
		}
	}
	return found
}

// upload brings pictures into the memory of VAAPI hardware.
type upload struct {
	device *astiav.HardwareDeviceContext
	frames *astiav.HardwareFramesContext
	nv12   *astiav.Frame
	to     *astiav.SoftwareScaleContext
	remote *astiav.Frame
}

func newUpload(width, height int) (*upload, error) {
	u := &upload{nv12: astiav.AllocFrame(), remote: astiav.AllocFrame()}
	if err := u.open(width, height); err != nil {
		u.close()
		return nil, err
	}
	return u, nil
}

func (u *upload) open(width, height int) error {
	var err error
	if u.device, err = astiav.CreateHardwareDeviceContext(astiav.HardwareDeviceTypeVAAPI, "", nil, 0); err != nil {
		return fmt.Errorf("there is no VAAPI device: %w", err)
	}
	u.frames = astiav.AllocHardwareFramesContext(u.device)
	if u.frames == nil {
		return errors.New("out of memory")
	}
	u.frames.SetHardwarePixelFormat(astiav.PixelFormatVaapi)
	u.frames.SetSoftwarePixelFormat(astiav.PixelFormatNv12)
	u.frames.SetWidth(width)
	u.frames.SetHeight(height)
	u.frames.SetInitialPoolSize(2 * poolSize)
	if err := u.frames.Initialize(); err != nil {
		return fmt.Errorf("the VAAPI device has no room for pictures: %w", err)
	}
	u.nv12.SetWidth(width)
	u.nv12.SetHeight(height)
	u.nv12.SetPixelFormat(astiav.PixelFormatNv12)
	if err := u.nv12.AllocBuffer(0); err != nil {
		return err
	}
	u.to, err = astiav.CreateSoftwareScaleContext(width, height, astiav.PixelFormatYuv420P, width, height, astiav.PixelFormatNv12,
		astiav.NewSoftwareScaleContextFlags(astiav.SoftwareScaleContextFlagBicubic))
	return err
}

// put is f in the hardware's memory, until the next put.
func (u *upload) put(f *astiav.Frame) (*astiav.Frame, error) {
	if err := u.nv12.MakeWritable(); err != nil {
		return nil, err
	}
	if err := u.to.ScaleFrame(f, u.nv12); err != nil {
		return nil, err
	}
	u.remote.Unref()
	if err := u.remote.AllocHardwareBuffer(u.frames); err != nil {
		return nil, fmt.Errorf("the VAAPI device has no room for a picture: %w", err)
	}
	if err := u.nv12.TransferHardwareData(u.remote); err != nil {
		return nil, fmt.Errorf("giving a picture to the VAAPI device: %w", err)
	}
	return u.remote, nil
}

func (u *upload) close() {
	if u.to != nil {
		u.to.Free()
	}
	u.remote.Free()
	u.nv12.Free()
	if u.frames != nil {
		u.frames.Free()
	}
	if u.device != nil {
		u.device.Free()
	}
}
