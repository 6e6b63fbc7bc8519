package qwacgrpc_test

import (
	"bytes"
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/seed-b953571c/eidas/qwac/qwacgrpc"
)

// sink is a connection that keeps what is written.
type sink struct {
	net.Conn
	bytes.Buffer
	err error
}

func (s *sink) Write(p []byte) (int, error) {
	if s.err != nil {
		return len(p) / 2, s.err
	}
	return s.Buffer.Write(p)
}
func (s *sink) Read(p []byte) (int, error) { return s.Buffer.Read(p) }

// frame makes a frame. Two of one kind differ by their stream.
func frame(kind http2.FrameType, stream uint32, payload int) []byte {
	var b bytes.Buffer
	// Raw: a framer would refuse what a hostile handler could not write anyway.
	err := http2.NewFramer(&b, nil).WriteRawFrame(kind, 0, stream, bytes.Repeat([]byte{byte(kind)}, payload))
	if err != nil {
		return nil
	}
	return b.Bytes()
}

// split reads frames, each whole.
func split(tb testing.TB, wire []byte) [][]byte {
	tb.Helper()
	var list [][]byte
	for len(wire) > 0 {
		require.GreaterOrEqual(tb, len(wire), 9, "a frame is cut")
		n := 9 + int(wire[0])<<16 + int(wire[1])<<8 + int(wire[2])
		require.GreaterOrEqual(tb, len(wire), n, "a frame is cut")
		list = append(list, wire[:n])
		wire = wire[n:]
	}
	return list
}

// The oracle: whatever the frames, however they are cut into writes and
// whenever the client is to leave, the client reads the same frames in the same
// order and at most one more, GOAWAY. That one is there, before whatever is
// begun after the decision, unless grpc said GOAWAY first.
func FuzzGoAwayComesBetweenFrames(f *testing.F) {
	f.Add([]byte{4, 0, 1, 5, 0, 200, 7, 8, 0, 0}, []byte{1, 9, 3, 100}, uint8(2))
	f.Add([]byte{0, 0, 0, 1, 7, 8, 0, 50}, []byte{255}, uint8(0))
	f.Add([]byte{0, 255, 1, 0}, []byte{4}, uint8(1))
	f.Add([]byte{7, 8, 1, 9}, []byte{17}, uint8(1))
	f.Add([]byte{7, 8, 1, 9}, []byte{5}, uint8(1))
	f.Fuzz(func(t *testing.T, kinds, cuts []byte, when uint8) {
		var wire []byte
		for i := 0; i+1 < len(kinds) && i < 64; i += 2 {
			wire = append(wire, frame(http2.FrameType(kinds[i]), uint32(i+1), int(kinds[i+1]))...)
		}
		want := split(t, wire)
		out := &sink{}
		conn := qwacgrpc.NewConnection(out)
		written, told := 0, false
		for i := 0; written < len(wire); i++ {
			n := len(wire) - written
			if i < len(cuts) {
				n = min(n, int(cuts[i])+1)
			}
			if i == int(when) {
				qwacgrpc.Leave(conn)
				told = true
			}
			m, err := conn.Write(wire[written : written+n])
			require.NoError(t, err)
			require.Equal(t, n, m)
			written += n
		}
		got := split(t, out.Bytes())
		place := -1
		for i, g := range got {
			if string(g) == qwacgrpc.GoAway {
				require.Equal(t, -1, place, "twice")
				place = i
			}
		}
		if place < 0 {
			assert.Equal(t, want, got)
		} else {
			assert.Equal(t, want, append(got[:place:place], got[place+1:]...))
		}
		for i, w := range want {
			if w[3] == 7 && (place < 0 || i < place) {
				assert.Equal(t, -1, place, "after grpc's own")
				return
			}
		}
		assert.Equal(t, told && len(wire) > 0, place >= 0, "said when it should")
	})
}

func TestGoAwayIsWhatAClientUnderstands(t *testing.T) {
	out := &sink{}
	conn := qwacgrpc.NewConnection(out)
	first, second := frame(http2.FrameData, 1, 10), frame(http2.FrameHeaders, 1, 20)
	_, err := conn.Write(append(first[:len(first):len(first)], second[:5]...))
	require.NoError(t, err)
	qwacgrpc.Leave(conn)
	_, err = conn.Write(second[5:])
	require.NoError(t, err)
	assert.Equal(t, append(append(first, second...), qwacgrpc.GoAway...), out.Bytes(), "not inside a frame")
	f, err := http2.NewFramer(nil, bytes.NewReader([]byte(qwacgrpc.GoAway))).ReadFrame()
	require.NoError(t, err)
	goAway, ok := f.(*http2.GoAwayFrame)
	require.True(t, ok)
	assert.EqualValues(t, 1<<31-1, goAway.LastStreamID)
	assert.Equal(t, http2.ErrCodeNo, goAway.ErrCode)
	assert.Empty(t, goAway.DebugData())

	out.err = errors.New("gone")
	n, err := conn.Write(first)
	require.ErrorIs(t, err, out.err)
	assert.LessOrEqual(t, n, len(first))
}
