package rtmpd

import "slices"

// capabilities are what a server says that it takes by Enhanced RTMP, in its answer
// to connect: FourCCs, of which "*" is all. Nil if it does not say.
type capabilities []string

// capabilitiesOf takes them from the answer, in which servers put them in either
// object.
func capabilitiesOf(answer *command) (all capabilities) {
	for _, arg := range answer.args {
		o, _ := arg.(Object)
		list, _ := o.Get("fourCcList").([]any)
		for _, v := range list {
			if s, ok := v.(string); ok {
				all = append(all, s)
			}
		}
		for _, name := range []string{"videoFourCcInfoMap", "audioFourCcInfoMap"} {
			m, _ := o.Get(name).(Object)
			for _, p := range m {
				all = append(all, p.Name)
			}
		}
	}
	return all
}

// Takes says whether the server takes a codec of Enhanced RTMP by its FourCC; said is
// whether the server has spoken about codecs at all.
func (c *Client) Takes(fourCC string) (takes, said bool) {
	return slices.Contains(c.takes, fourCC) || slices.Contains(c.takes, "*"), c.takes != nil
}
