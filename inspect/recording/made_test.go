package recording_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/cordonhq/cordon"
	"github.com/cordonhq/cordon/media/mediatest"
)

// made is one recording that a test makes, and what is to be said of it.
type made struct {
	kind string // row of the table
	name string
	want cordon.Label
	file []byte
}

const (
	plain        = cordon.LabelRecordingPlain
	spliced      = cordon.LabelRecordingSpliced
	edited       = cordon.LabelRecordingEdited
	inconsistent = cordon.LabelRecordingInconsistent
)

// Rows of the table in docs/detection.md, in its order.
var kinds = []struct {
	name string
	want cordon.Label
}{
	{"as encoded: MP4, MOV, M4A, WebM, Matroska, AVI, MP3, FLAC, Ogg, WAVE", plain},
	{"written while recording: fragmented MP4, WebM without lengths", plain},
	{"put into another container", plain},
	{"beginning cut off without coding anew", plain},
	{"varying rate of pictures, as of a recorder of screens", plain},
	{"chapters, tags of some megabytes", plain},
	{"parts of one encoder and one setting joined by a program", plain},
	{"chains of web radio, segments of a browser's recorder", plain},
	{"edited, then coded anew as a whole", plain},
	{"parts of two encoders or settings joined", spliced},
	{"files written one behind the other", spliced},
	{"timestamps of all tracks leap", spliced},
	{"frames of MP3 taken out of the middle", spliced},
	{"edit list that plays pieces, another order, another speed, or hides the beginning", edited},
	{"sound of another day put under the pictures", edited},
	{"pictures missing while the sound goes on", inconsistent},
	{"cut off", inconsistent},
	{"pages or bytes in the middle lost or put in", inconsistent},
}

// recordings makes them all with ffmpeg; what ffmpeg does not write is made by hand.
func recordings(t *testing.T) (all []made) {
	dir := t.TempDir()
	video := func(seconds int, size string) string {
		return fmt.Sprintf("-f lavfi -i testsrc2=size=%s:rate=30:duration=%d ", size, seconds)
	}
	// Noise that swells, as speech does: its encoders need more bits at some times than at others.
	sound := func(seconds, seed int) string {
		return fmt.Sprintf("-f lavfi -i anoisesrc=color=pink:seed=%d:duration=%d:sample_rate=44100,tremolo=f=3:d=0.9 ", seed, seconds)
	}
	both := func(seconds int, size string) string { return video(seconds, size) + sound(seconds, 1) }
	run := func(line string) []byte { return mediatest.Read(t, mediatest.FFmpeg(t, dir, line)) }
	add := func(kind int, name string, file []byte) {
		all = append(all, made{kinds[kind].name, name, kinds[kind].want, file})
	}
	list := func(name string, lines ...string) string {
		var b bytes.Buffer
		for _, l := range lines {
			fmt.Fprintln(&b, l)
		}
		return "-f concat -safe 0 -i " + mediatest.Write(t, dir, name, b.Bytes()) + " "
	}

	// As encoded.
	const avc, fast = "-c:v libx264 -preset veryfast -g 30 -c:a aac ", "-c:v libx264 -preset ultrafast -g 30 -crf 32 -c:a aac "
	a := run(both(6, "160x120") + avc + "a.mp4")
	add(0, "a.mp4", a)
	add(0, "b.mp4", run(both(4, "160x120")+fast+"b.mp4"))
	add(0, "a.mov", run(both(4, "160x120")+avc+"a.mov"))
	add(0, "a.m4a", run(sound(6, 2)+"-c:a aac a.m4a"))
	add(0, "a.webm", run(both(4, "160x120")+"-c:v libvpx -b:v 200k -c:a libopus a.webm"))
	add(0, "vp9.webm", run(both(3, "160x120")+"-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 200k -c:a libvorbis vp9.webm"))
	add(0, "a.mkv", run(both(4, "160x120")+avc+"a.mkv"))
	add(0, "hevc.mp4", run(video(3, "160x120")+"-c:v libx265 -preset ultrafast -x265-params log-level=none -tag:v hvc1 hevc.mp4"))
	add(0, "a.avi", run(both(4, "160x120")+"-c:v mpeg4 -c:a libmp3lame a.avi"))
	mp3 := run(sound(12, 1) + "-c:a libmp3lame -b:a 128k a.mp3")
	add(0, "a.mp3", mp3)
	loud := run(sound(12, 2) + "-c:a libmp3lame -b:a 192k b.mp3")
	add(0, "b.mp3", loud)
	add(0, "vbr.mp3", run(sound(12, 3)+"-c:a libmp3lame -q:a 4 vbr.mp3"))
	add(0, "silence then sound, vbr.mp3", run("-f lavfi -i anullsrc=r=44100:d=8 -f lavfi -i anoisesrc=d=8:color=pink:sample_rate=44100,tremolo=f=3 -filter_complex concat=n=2:v=0:a=1 -c:a libmp3lame -q:a 4 sv.mp3"))
	flac := run(sound(6, 1) + "-c:a flac a.flac")
	add(0, "a.flac", flac)
	vorbis := run(sound(6, 1) + "-c:a libvorbis a.ogg")
	add(0, "a.ogg", vorbis)
	opus := run(sound(6, 1) + "-c:a libopus a.opus")
	add(0, "a.opus", opus)
	wav := run(sound(3, 1) + "-c:a pcm_s16le a.wav")
	add(0, "a.wav", wav)
	add(0, "adpcm.wav", run(sound(3, 1)+"-c:a adpcm_ms adpcm.wav"))

	// Written while recording.
	frag := run("-i {}/a.mp4 -c copy -movflags frag_keyframe+empty_moov+default_base_moof frag.mp4")
	add(1, "frag.mp4", frag)
	live := run(both(4, "160x120") + "-c:v libvpx -b:v 200k -c:a libopus -live 1 live.webm")
	add(1, "live.webm", live)

	// Another container.
	for _, to := range []string{"mov", "mkv"} {
		add(2, "a to "+to, run("-i {}/a.mp4 -c copy remux."+to))
	}
	add(2, "mkv to mp4", run("-i {}/a.mkv -c copy remux.mp4"))
	add(2, "mp3 to mka", run("-i {}/a.mp3 -c copy -f matroska remux.mka"))

	// Beginning cut off.
	add(3, "trim.mp4", run("-ss 1.5 -i {}/a.mp4 -c copy trim.mp4"))
	add(3, "trim.mov", run("-ss 2.4 -i {}/a.mov -t 1.2 -c copy trim.mov"))
	add(3, "trim.mp3", run("-ss 5 -t 5 -i {}/a.mp3 -c copy trim.mp3"))
	add(3, "trim.m4a", run("-ss 2 -i {}/a.m4a -c copy trim.m4a"))

	// Varying rate: pictures at odd times, and none for seconds.
	add(4, "vfr.mp4", run(both(8, "160x120")+`-vf select=not(mod(n\,7))+gt(mod(n\,61)\,40)*lt(n\,90)+eq(n\,200) -vsync vfr `+avc+"vfr.mp4"))
	add(4, "vfr.mkv", run(both(8, "160x120")+`-vf select=not(mod(n\,5))*lt(n\,40)+not(mod(n\,97)) -vsync vfr `+avc+"vfr.mkv"))

	// Chapters and large tags.
	mediatest.Write(t, dir, "chapters", []byte(";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=2000\ntitle=one\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=2000\nEND=6000\ntitle=two\n"))
	add(5, "chapters.mp4", run("-i {}/a.mp4 -i {}/chapters -map_metadata 1 -c copy chapters.mp4"))
	add(5, "chapters.mkv", run("-i {}/a.mp4 -i {}/chapters -map_metadata 1 -c copy chapters.mkv"))
	tag := make([]byte, 3<<20)
	id3 := append([]byte("ID3\x04\x00\x00"), byte(len(tag)>>21&127), byte(len(tag)>>14&127), byte(len(tag)>>7&127), byte(len(tag)&127))
	add(5, "large tag.mp3", bytes.Join([][]byte{id3, tag, mp3}, nil))

	// Joined, of one making.
	add(6, "twice.mp4", run(list("l1", "file a.mp4", "file a.mp4")+"-c copy twice.mp4"))
	add(6, "twice.mkv", run(list("l1", "file a.mp4", "file a.mp4")+"-c copy twice.mkv"))
	add(6, "twice.m4a", run(list("l2", "file a.m4a", "file a.m4a")+"-c copy twice.m4a"))

	// Chains.
	again := run(sound(6, 5) + "-c:a libopus again.opus")
	add(7, "chain.opus", bytes.Join([][]byte{opus, again, opus}, nil))
	add(7, "chain.ogg", bytes.Join([][]byte{vorbis, run(sound(3, 9) + "-c:a libvorbis again.ogg")}, nil))
	add(7, "segments.webm", bytes.Join([][]byte{live, live}, nil))
	add(7, "again.mp4", bytes.Join([][]byte{frag, frag}, nil))

	// Coded anew.
	add(8, "anew.mp4", run("-i {}/a.mp4 -i {}/b.mp4 -filter_complex [0:v][0:a][1:v][1:a]concat=n=2:v=1:a=1 "+avc+"anew.mp4"))
	add(8, "anew.mp3", run("-i {}/a.mp3 -i {}/b.mp3 -filter_complex concat=n=2:v=0:a=1 -c:a libmp3lame anew.mp3"))

	// Two encoders.
	for _, to := range []string{"mp4", "mov", "mkv"} {
		add(9, "joined."+to, run(list("l3", "file a.mp4", "file b.mp4")+"-c copy joined."+to))
	}
	add(9, "joined in fragments.mp4", run(list("l3", "file a.mp4", "file b.mp4")+"-c copy -movflags frag_keyframe+empty_moov joinedfrag.mp4"))
	add(9, "cut and joined.mp4", run(list("l4", "file a.mp4", "inpoint 0", "outpoint 3", "file b.mp4", "inpoint 1", "outpoint 3", "file a.mp4", "inpoint 4")+"-c copy cut.mp4"))
	run(video(3, "160x120") + "-c:v libx265 -preset superfast -x265-params log-level=none:crf=35 -tag:v hvc1 hevc2.mp4")
	add(9, "joined hevc.mp4", run(list("l5", "file hevc.mp4", "file hevc2.mp4")+"-c copy joinedhevc.mp4"))
	add(9, "joined.mp3", run(list("l6", "file a.mp3", "file b.mp3")+"-c copy joined.mp3"))
	add(9, "chain of two.ogg", bytes.Join([][]byte{vorbis, opus}, nil))
	add(9, "two sizes.webm", bytes.Join([][]byte{live, run(both(3, "176x144") + "-c:v libvpx -b:v 200k -c:a libopus -live 1 big.webm")}, nil))

	// Files one behind the other.
	add(10, "both.mp3", bytes.Join([][]byte{mp3, loud}, nil))
	add(10, "both.flac", bytes.Join([][]byte{flac, run(sound(3, 4) + "-c:a flac again.flac")}, nil))
	add(10, "both.wav", bytes.Join([][]byte{wav, wav}, nil))
	add(10, "both.mp4", bytes.Join([][]byte{a, a}, nil))

	// Timestamps leap.
	for _, to := range []string{"mp4", "mkv"} {
		add(11, "leap."+to, run(list("l7", "file a.mp4", "duration 11", "file a.mp4")+"-c copy leap."+to))
	}
	add(11, "leap.webm", run(list("l8", "file a.webm", "duration 9", "file a.webm")+"-c copy leap.webm"))

	// Frames of MP3 taken out: from the 150th on sixty, and as much again further back.
	add(12, "without some.mp3", without(mp3, 150, 60))
	add(12, "without others.mp3", without(loud, 101, 33))

	// Edit lists.
	pieces := func(entries ...[3]uint32) []byte { return withEdits(t, a, entries...) }
	const second, rate = 1000, 1 << 16 // of the movie; of the track it is 15360
	add(13, "pieces.mp4", pieces([3]uint32{2 * second, 1024, rate}, [3]uint32{second, 4 * 15360, rate}))
	add(13, "order.mp4", pieces([3]uint32{2 * second, 3 * 15360, rate}, [3]uint32{2 * second, 1024, rate}))
	add(13, "slower.mp4", pieces([3]uint32{6 * second, 1024, rate / 2}))
	add(13, "hidden beginning.mp4", pieces([3]uint32{3 * second, 3*15360 + 1024, rate}))
	add(13, "hidden end.mp4", pieces([3]uint32{3 * second, 1024, rate}))

	// Programs that keep the time of each track are rarer than ffmpeg, which does not.
	for i, to := range []string{"mp4", "mov"} {
		add(14, "dubbed."+to, withTimes(t, run("-i {}/a.mp4 -i {}/a.m4a -map 0:v -map 1:a -c copy dubbed."+to), 3_800_000_000, 3_800_000_000+7200<<(8*i)))
	}

	// Pictures missing.
	add(15, "dropped.mp4", run(`-i {}/a.mp4 -c copy -bsf:v noise=drop=between(n\,60\,119) dropped.mp4`))
	add(15, "dropped.mkv", run(`-i {}/a.mp4 -c copy -bsf:v noise=drop=between(n\,60\,119) dropped.mkv`))

	// Cut off.
	front := run("-i {}/a.mp4 -c copy -movflags faststart front.mp4")
	for name, b := range map[string][]byte{"front.mp4": front, "a.mp3": mp3, "a.flac": flac, "a.wav": wav} {
		add(16, name, b[:len(b)*2/3])
	}
	add(16, "a.mkv", mediatest.Read(t, dir+"/a.mkv")[:40_000])
	add(16, "a.webm", mediatest.Read(t, dir+"/a.webm")[:30_000])

	// Lost or put in.
	add(17, "lost pages.ogg", withoutPages(vorbis, 3, 2))
	add(17, "lost pages.opus", withoutPages(opus, 3, 2))
	add(17, "lost frames.flac", withoutFrames(t, flac))
	add(17, "put in.mp3", bytes.Join([][]byte{mp3[:100_000], make([]byte, 5000), mp3[100_000:]}, nil))
	add(17, "put in.ogg", bytes.Join([][]byte{pages(vorbis, 0, 4), make([]byte, 5000), pages(vorbis, 4, 1000)}, nil))
	return all
}

// mp3Frames returns where the frames of an MP3 file with a constant bit rate begin.
func mp3Frames(b []byte) (at []int) {
	kbit := map[byte]int{9: 128, 11: 192}
	for off := 10 + int(b[8])<<7 + int(b[9]); off+4 <= len(b) && b[off] == 0xFF; {
		at = append(at, off)
		off += 144*kbit[b[off+2]>>4]*1000/44100 + int(b[off+2]>>1&1)
	}
	return at
}

// without takes frames out of an MP3 file.
func without(b []byte, from, n int) []byte {
	at := mp3Frames(b)
	return append(bytes.Clone(b[:at[from]]), b[at[from+n]:]...)
}

// pages returns some pages of an Ogg file.
func pages(b []byte, from, n int) (out []byte) {
	for i := 0; len(b) >= 27 && i < from+n; i++ {
		size := 27 + int(b[26])
		for _, l := range b[27 : 27+int(b[26])] {
			size += int(l)
		}
		if i >= from {
			out = append(out, b[:size]...)
		}
		b = b[size:]
	}
	return out
}

func withoutPages(b []byte, from, n int) []byte {
	return append(pages(b, 0, from), pages(b, from+n, 1000)...)
}

// withoutFrames takes two frames out of a FLAC file, whose headers begin alike.
func withoutFrames(t *testing.T, b []byte) []byte {
	first := bytes.Index(b, []byte{0xFF, 0xF8})
	header := func(n byte) int {
		i := bytes.Index(b, append(bytes.Clone(b[first:first+4]), n))
		if first < 0 || i < 0 {
			t.Fatalf("no frame %d in the FLAC file", n)
		}
		return i
	}
	return append(bytes.Clone(b[:header(20)]), b[header(22):]...)
}

// withTimes sets when the tracks of an MP4 file were made, in seconds since 1904.
func withTimes(t *testing.T, file []byte, times ...uint32) []byte {
	for _, at := range times {
		i := bytes.Index(file, []byte("mdhd"))
		if i < 0 {
			t.Fatal("not as many tracks as times")
		}
		binary.BigEndian.PutUint32(file[i+8:], at)
		copy(file[i:], "MDHD") // not this one again
	}
	return bytes.ReplaceAll(file, []byte("MDHD"), []byte("mdhd"))
}

// withEdits gives the first track of an MP4 file whose movie box comes last another edit list.
func withEdits(t *testing.T, file []byte, entries ...[3]uint32) []byte {
	list := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 0}, uint32(len(entries)))
	for _, e := range entries {
		for _, v := range e {
			list = binary.BigEndian.AppendUint32(list, v)
		}
	}
	edts := mediatest.Box("edts", mediatest.Box("elst", list))
	at := bytes.Index(file, []byte("edts")) - 4
	moov, trak := bytes.LastIndex(file[:at], []byte("moov"))-4, bytes.LastIndex(file[:at], []byte("trak"))-4
	if at < 0 || moov < 0 || trak < 0 {
		t.Fatal("no edit list to replace")
	}
	old := int(binary.BigEndian.Uint32(file[at:]))
	out := append(append(bytes.Clone(file[:at]), edts...), file[at+old:]...)
	for _, box := range []int{moov, trak} {
		binary.BigEndian.PutUint32(out[box:], binary.BigEndian.Uint32(out[box:])+uint32(len(edts)-old))
	}
	return out
}
