package video

import (
	"slices"

	"weir/pipeline/bitstream"
	"weir/pipeline/media"
	"weir/transcode/worker"
)

// recipe implements worker.Recipe.
type recipe struct {
	*Config
	orders map[*media.Track]*order
}

func newRecipe(c *Config) *recipe { return &recipe{c, make(map[*media.Track]*order)} }

// order watches for pictures that come in another order than they are shown in.
type order struct {
	last  media.Ticks // PTS of the picture before
	any   bool
	seen  int
	known bool // the configuration says that there are none
}

// proof is how many pictures must be out of order, so that a source that once set its
// clock back is not taken for one that has B-frames.
const proof = 3

// mostTracks is how many tracks are watched; more are those of changes.
const mostTracks = 16

// Needs implements worker.Recipe.
func (r *recipe) Needs(t *media.Track) bool {
	if t.Kind() != media.KindVideo {
		return false
	}
	switch r.convert {
	case lacking:
		return slices.Contains(r.only, t.Codec)
	case nobframes:
		said := said(t)
		if len(r.orders) > mostTracks {
			clear(r.orders) // those of tracks that are gone
		}
		r.orders[t] = &order{known: said == bitstream.OrderShown}
		return said == bitstream.OrderMixed
	case declared:
		return true
	default:
		return false
	}
}

// said is what a track's configurations say about the order of pictures.
func said(t *media.Track) bitstream.Order {
	all := bitstream.OrderShown
	for i := range t.Layers {
		p, err := bitstream.Parse(t.Codec, t.LayerConfig(int8(i)), bitstream.Limits{})
		if err != nil { // VP8 and VP9 have none, and no B-frames; others show it
			all = bitstream.OrderUnknown
			continue
		}
		switch p.Order() {
		case bitstream.OrderMixed:
			return bitstream.OrderMixed
		case bitstream.OrderUnknown:
			all = bitstream.OrderUnknown
		case bitstream.OrderShown:
		}
	}
	return all
}

// Proves implements worker.Recipe.
func (r *recipe) Proves(u *media.Unit) bool {
	o := r.orders[u.Track]
	if o == nil || o.known || r.convert != nobframes || int(u.Layer) != highest(u.Track) {
		return false
	}
	if o.any && u.PTS < o.last {
		o.seen++
	}
	o.last, o.any = u.PTS, true
	return o.seen >= proof
}

// Source implements worker.Recipe. Of a ladder, only the highest layer has B-frames: that
// of a publisher, beside those that were made without. What is not H.264 cannot be a layer beside those that
// are; then the layer is left out.
func (r *recipe) Source(in *media.Track) (layer int8, alone *media.Track) {
	if r.convert == nobframes && len(in.Layers) > 1 && in.Codec == media.CodecH264 {
		return worker.Others, in
	}
	layer = r.source()
	if layer == worker.NoSource || in.Kind() != media.KindVideo || in.Codec != media.CodecH264 {
		return worker.NoSource, nil
	}
	out := *in
	out.Layers = []media.Layer{r.top(in, layer)}
	out.Config = out.Layers[0].Config
	return layer, &out
}

// top describes the layer that is the source.
func (r *recipe) top(in *media.Track, layer int8) media.Layer {
	i := highest(in)
	l := in.Layers[i]
	l.Name, l.Config = r.Layers[layer].Name, in.LayerConfig(int8(i))
	return l
}

// Made implements worker.Recipe.
func (r *recipe) Made(in, made *media.Track) *media.Track {
	if made == nil {
		return nil
	}
	out := *in
	out.Codec, out.Rate, out.Layers, out.Config = made.Codec, made.Rate, nil, made.Config
	for i, l := range made.Layers {
		l.Config = made.LayerConfig(int8(i))
		out.Layers = append(out.Layers, l)
	}
	switch layer, _ := r.Source(in); {
	case layer == worker.Others:
		out.Layers = slices.Clone(in.Layers)
		for i := range out.Layers {
			out.Layers[i].Config = in.LayerConfig(int8(i))
		}
		top := &out.Layers[highest(in)]
		top.Config, top.Bitrate = made.LayerConfig(0), 0
		out.Config = out.Layers[0].Config
	case layer >= 0:
		out.Layers = slices.Insert(out.Layers, min(int(layer), len(out.Layers)), r.top(in, layer))
		out.Config = out.Layers[0].Config
	}
	return &out
}

// highest is the layer of the highest picture.
func highest(t *media.Track) int {
	top := 0
	for i, l := range t.Layers {
		if b := t.Layers[top]; l.Height > b.Height || l.Height == b.Height && l.Bitrate > b.Bitrate {
			top = i
		}
	}
	return top
}
