package samples

import (
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
)

const madeBy = "drawn by Cordon, not a photograph"

// landscape stands for what a camera would take.
func landscape(rnd *rand.Rand) image.Image {
	const w, h = 1600, 1066
	c := newCanvas(w, h)
	c.fade(0, h*6/10, rgb(0x3B6FA6), rgb(0xF7C992))
	c.fade(h*6/10, h, rgb(0xE9B27D), rgb(0x47647F))
	x := float64(w)*0.25 + rnd.Float64()*float64(w)*0.5
	for i := 40.0; i > 0; i-- {
		c.ellipse(x, h*0.5, 40+i*i/5, 40+i*i/5, color.NRGBA{255, 226, 170, 4})
	}
	c.ellipse(x, h*0.5, 44, 44, rgb(0xFFF1D0))
	for i := range 4 {
		c.ridge(rnd, float64(h)*(0.56+0.055*float64(i)), 74-12*float64(i), mix(rgb(0x7C93AB), rgb(0x24384A), float64(i)/3))
	}
	c.fade(h*77/100, h, rgb(0x5D7F99), rgb(0x1E3346))
	for range 240 { // light on the water
		y := float64(h)*0.775 + rnd.Float64()*rnd.Float64()*float64(h)*0.22
		spread := (y - float64(h)*0.75) * 0.9
		c.ellipse(x+(rnd.Float64()-0.5)*spread*2, y, 8+rnd.Float64()*34, 1.2, color.NRGBA{255, 222, 170, 110})
	}
	for i := range 7 { // reeds in front
		bx := float64(i)*26 + 30 + rnd.Float64()*14
		c.polygon(rgb(0x14222E), bx, h, bx+5, h, bx+9+rnd.Float64()*20, h*0.72-rnd.Float64()*60)
	}
	c.grain(rnd, 5)
	c.stamp("camera photo, " + madeBy)
	return c
}

// portrait is a stylised face as an identity document would have.
func portrait(rnd *rand.Rand) image.Image {
	const w, h = 720, 900
	c := newCanvas(w, h)
	c.fade(0, h, rgb(0xD9E4EE), rgb(0xA9BCCD))
	skin := mix(rgb(0xF2CDB0), rgb(0x8A5A3C), rnd.Float64())
	hair := []color.RGBA{rgb(0x2B1F1A), rgb(0x5A3A22), rgb(0x8C8C90), rgb(0xA5672F)}[rnd.IntN(4)]
	cloth := []color.RGBA{rgb(0x2F4B6E), rgb(0x4E6B5A), rgb(0x6E3F4E)}[rnd.IntN(3)]
	shade := mix(skin, rgb(0x3A1F12), 0.18)

	c.ellipse(360, 420, 205, 255, hair) // hair behind
	c.fill(c.Rect, cloth, func(p pen) {
		p.moveTo(40, h)
		p.cubeTo(60, 720, 200, 690, 290, 660)
		p.lineTo(430, 660)
		p.cubeTo(520, 690, 660, 720, 680, h)
	})
	c.polygon(mix(cloth, rgb(0xFFFFFF), 0.85), 290, 660, 430, 660, 360, 790)
	c.polygon(shade, 300, 560, 420, 560, 436, 668, 360, 720, 284, 668) // neck
	c.ellipse(360, 430, 158, 205, skin)
	c.ellipse(204, 440, 20, 38, skin)
	c.ellipse(516, 440, 20, 38, skin)
	c.fill(c.Rect, hair, func(p pen) { // fringe
		p.moveTo(196, 400)
		p.cubeTo(190, 120, 530, 120, 524, 400)
		p.cubeTo(500, 330, 450, 300, 380, 306)
		p.cubeTo(300, 312, 230, 330, 196, 400)
	})
	for _, x := range []float64{298, 422} {
		c.ellipse(x, 428, 30, 17, rgb(0xFBFBF8))
		c.ellipse(x, 428, 15, 15, rgb(0x3D5A66))
		c.ellipse(x, 428, 7, 7, rgb(0x111418))
		c.ellipse(x+5, 423, 3, 3, rgb(0xFFFFFF))
		c.polygon(hair, x-36, 398, x-12, 388, x+12, 388, x+36, 396, x+34, 402, x+10, 396, x-10, 396, x-34, 404)
	}
	c.fill(c.Rect, shade, func(p pen) { // nose
		p.moveTo(360, 430)
		p.cubeTo(366, 470, 392, 500, 380, 512)
		p.cubeTo(370, 522, 350, 522, 340, 512)
		p.cubeTo(356, 516, 368, 510, 360, 430)
	})
	c.fill(c.Rect, mix(skin, rgb(0xA63B3B), 0.55), func(p pen) { // mouth
		p.moveTo(308, 556)
		p.cubeTo(340, 546, 380, 546, 412, 556)
		p.cubeTo(380, 584, 340, 584, 308, 556)
	})
	c.ellipse(270, 500, 30, 20, color.NRGBA{230, 120, 100, 34})
	c.ellipse(450, 500, 30, 20, color.NRGBA{230, 120, 100, 34})
	c.grain(rnd, 2)
	c.stamp("AI-style portrait, " + madeBy)
	return c
}

// letter looks like the scan of a laboratory report about nobody.
func letter(rnd *rand.Rand) image.Image {
	const w, h = 1000, 1414
	c := newCanvas(w, h)
	c.fade(0, h, rgb(0xFCFBF7), rgb(0xF3F1EA))
	ink, faint := rgb(0x23282E), rgb(0x6B7580)
	c.rect(0, 0, w, 14, rgb(0x2C6E7F))
	c.text(80, 110, 34, true, rgb(0x2C6E7F), "Harbour Street Laboratory")
	c.text(80, 142, 18, false, faint, "12 Harbour Street, Sampleton, telephone 555 0100")
	c.rect(80, 168, w-160, 2, rgb(0xC9CFD4))
	c.text(80, 226, 18, false, ink, "Patient: Sam Sample (not a person)")
	c.text(80, 254, 18, false, ink, fmt.Sprintf("Order: SAMPLE-%06d", rnd.IntN(1_000_000)))
	c.text(600, 226, 18, false, ink, "Collected: 2 March, 08:10")
	c.text(600, 254, 18, false, ink, "Reported: 2 March, 14:45")
	c.text(80, 330, 24, true, ink, "Laboratory report")
	c.rect(80, 350, w-160, 36, rgb(0xE4ECEE))
	for x, s := range map[int]string{96: "Test", 430: "Result", 600: "Unit", 760: "Reference"} {
		c.text(x, 375, 18, true, ink, s)
	}
	rows := []struct {
		name, unit, ref string
		low, high       float64
	}{{"Haemoglobin", "g/dL", "12.0 – 16.0", 12, 16}, {"Leukocytes", "10⁹/L", "4.0 – 10.0", 4, 10}, {"Platelets", "10⁹/L", "150 – 400", 150, 400},
		{"Creatinine", "mg/dL", "0.6 – 1.1", 0.6, 1.1}, {"Sodium", "mmol/L", "136 – 145", 136, 145}, {"Potassium", "mmol/L", "3.5 – 5.1", 3.5, 5.1},
		{"Glucose, fasting", "mg/dL", "70 – 99", 70, 99}, {"C-reactive protein", "mg/L", "below 5", 0.4, 5}}
	for i, r := range rows {
		y := 418 + i*40
		v := r.low + rnd.Float64()*(r.high-r.low)
		format := "%.1f"
		if r.high > 50 {
			format = "%.0f"
		}
		c.text(96, y, 18, false, ink, r.name)
		c.text(430, y, 18, false, ink, fmt.Sprintf(format, v))
		c.text(600, y, 18, false, faint, r.unit)
		c.text(760, y, 18, false, faint, r.ref)
		c.rect(80, y+13, w-160, 1, rgb(0xDDE1E4))
	}
	for i, s := range []string{"All values lie within the reference range.", "",
		"This page was drawn by a program to show what a laboratory letter looks like.", "It is about nobody and means nothing."} {
		c.text(80, 800+i*30, 18, false, ink, s)
	}
	c.fill(c.Rect, rgb(0x2A3F7A), func(p pen) { // a signature
		p.moveTo(96, 1010)
		p.cubeTo(140, 900, 150, 1060, 190, 980)
		p.cubeTo(220, 930, 230, 1030, 330, 964)
		p.cubeTo(232, 1036, 216, 940, 192, 986)
		p.cubeTo(150, 1070, 140, 910, 96, 1010)
	})
	c.rect(80, 1030, 280, 1, faint)
	c.text(80, 1056, 16, false, faint, "Dr. A. Example, laboratory physician")
	c.grain(rnd, 3)
	c.stamp("laboratory letter, drawn by Cordon, about nobody")
	return c
}

// pattern is a plain picture for everything that needs one.
func pattern(rnd *rand.Rand, what string) image.Image {
	const w, h = 640, 480
	c := newCanvas(w, h)
	c.fade(0, h, mix(rgb(0x20324A), rgb(0x503A5E), rnd.Float64()), mix(rgb(0x4C8C8A), rgb(0xC07A55), rnd.Float64()))
	for range 26 {
		col := mix(rgb(0xF2D8A7), rgb(0x9FD3C7), rnd.Float64())
		r := 12 + rnd.Float64()*70
		c.ellipse(rnd.Float64()*w, rnd.Float64()*h, r, r, color.NRGBA{col.R, col.G, col.B, 70})
	}
	c.stamp(what)
	return c
}
