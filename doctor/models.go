package doctor

// examineModels says whether the models that the configuration asks for can be used. Without
// them Cordon works, and does not look for what they would read.
func examineModels(conf Config, r *lines) {
	if conf.Models == nil {
		return
	}
	l := Line{Check: "models", State: OK, Says: "marks made with RivaGAN are looked for"}
	var err error
	if l.Evidence, err = conf.Models(); err != nil {
		l.State, l.Says, l.Evidence = Missing, "marks made with RivaGAN are declared and not looked for", err.Error()
		l.Do = `Use a program built with "-tags onnx", and name libonnxruntime.so.1 and the model under onnxruntime; docs/detection.md says where they come from.`
	}
	r.add(l)
}
