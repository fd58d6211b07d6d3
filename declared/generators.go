package declared

import "strings"

// Generator is a program or service and how its files can be told.
type Generator struct {
	Name     string
	Strength Strength
	Rules    []Rule
}

// uuid is the form of the job numbers that some services write.
const uuid = `[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}`

// table is every rule of this release. A file may match several.
//
// A rule must have context: names of programs count only where programs sign, and only at
// the start; settings only with the words around them. "Flux", "diffusion", "Gemini" or
// "Imagen" alone are words, a camera and a Spanish noun.
var table = []Generator{
	{"digital source type: made by a trained model", Synthetic, []Rule{
		source(SourceTypes(Trained)...),
	}},
	{"digital source type: partly made by a trained model", Composite, []Rule{
		source(SourceTypes(PartlyTrained)...),
	}},
	{"generative step of an editor", Composite, []Rule{
		Rule{Name: "step of the history", Means: "A step of the editing history names a tool that has a model make what was not in the picture.", Weight: Strong,
			Where: "stEvt:action, stEvt:parameters, stEvt:changed, photoshop:History", Says: generative.re.String()}.
			looks(generative, func(f *text) bool { return f.role == roleStep }),
	}},
	{"AIGC label of GB 45438-2025", Synthetic, []Rule{
		test("AIGC fields, JSON in comments", `"Label": "1"`, aigc, aigcLabel, aigcFields).of("aigc").as("AIGC label", Conclusive, "The label that providers in China have to write says that the content is generated."),
	}},
	{"Google AI", Synthetic, []Rule{
		credit(`Made with Google AI\b`),
		described(`^Made with Google AI\b`),
	}},
	{"Google AI (edit)", Composite, []Rule{
		credit(`Edited with Google AI\b`),
		described(`^Edited with Google AI\b`),
	}},
	{"Apple Image Playground", Synthetic, []Rule{
		credit(`(?:Created (?:with|in) |Made with )?Apple Image Playground\b|Image Playground$`),
		tool(`(?:Apple )?Image Playground\b`),
		described(`^(?:Created (?:with|in) )?Apple Image Playground\b`),
	}},
	{"Apple Photos Clean Up", Composite, []Rule{
		credit(`(?:Edited with )?Apple Photos Clean ?Up\b`),
	}},
	{"says that AI made it", Synthetic, []Rule{
		described(`(?i)^(?:(?:this )?(?:image|picture|photo|video|audio|content|file|artwork|illustration)(?: (?:is|was|has been))? )?(?:ai[- ]generated|(?:fully |entirely )?(?:generated|created|made|produced|imagined) (?:by|with|using) (?:an? )?(?:generative )?(?:ai|artificial intelligence))(?:[ .!;,:]|$)(?:[^a-z]|tool|model|image|content|by|using|with|$)`),
		credit(`(?:imagined|made|created|generated) (?:with|by|using) (?:meta )?(?:ai|artificial intelligence)$|ai[- ]generated(?: image| content)?$`),
		tool(`AI generated\b`),
	}},

	{"AUTOMATIC1111 and relatives (Forge, SD.Next, Civitai, Draw Things …)", Declares, []Rule{
		inOrder(samplerLine, `Steps: \d{1,4}, … (?:Sampler|CFG scale|Guidance|Seed|Size|Model hash|Schedule type): `,
			"parameters", "UserComment", "ImageDescription", "XPComment", "Comment", "comment", "Description", "COM", "GIF comment", "dc:description", "exif:UserComment", "©cmt", "COMM", "ICMT", "COMMENT", "DESCRIPTION").
			as("settings of a sampler", Conclusive, "The settings of a sampler stand there in the way this program writes them."),
		tool(`AUTOMATIC1111|stable-diffusion-webui|SD\.Next|Stable Diffusion (?:web ?UI|WebUI|Forge)`),
	}},
	{"ComfyUI", Declares, []Rule{
		test("any field", `a JSON graph with class_type and inputs, or with nodes and last_node_id`, comfy, classType, inputs, nodes, lastNode).
			as("graph of steps", Conclusive, "The graph of steps by which the file was made stands in it."),
		tool(`ComfyUI\b`),
	}},
	{"Fooocus", Declares, []Rule{
		key("fooocus", "fooocus_scheme"), key("a1111", "fooocus_scheme"),
		anywhere(`"(?:version|Version)": ?"(?:Ruined ?)?Fooocus[^"]{0,40}"`),
		anywhere(`(?m)^Fooocus V?\d[^\n]{0,40}|Version: (?:Fooocus|RuinedFooocus) v[\d.]{1,20}`),
		tool(`(?:Ruined ?)?Fooocus\b`),
	}},
	{"InvokeAI", Declares, []Rule{
		key("{", "invokeai_metadata", "invokeai_graph", "invokeai_workflow", "sd-metadata"),
		inOrder(dreamLine, ` -s ?\d+ … -S ?\d+`, "Dream", "dream").as("command line", Conclusive, "The command that made the file stands in it."),
		tool(`InvokeAI\b|invoke-ai\b`),
	}},
	{"NovelAI", Declares, []Rule{
		tool(`NovelAI\b`),
		described(`^(?:NovelAI|AI) generated image$`, "Title").as("title", Strong, "The title is the one that this service gives by itself."),
		described(`^(?:NovelAI|Stable) Diffusion(?: [A-Z]{2})? ?(?:V?\d|F[0-9A-F]{7}|[0-9A-F]{8})`, "Source").as("name of the model", Strong, "The model and its version stand where the service writes them."),
	}},
	{"SwarmUI", Declares, []Rule{
		anywhere(`"sui_image_params"\s{0,16}:`),
		tool(`(?:Stable)?SwarmUI\b`),
	}},
	{"Easy Diffusion", Declares, []Rule{
		key("", "use_stable_diffusion_model", "use_hypernetwork_model", "use_vae_model"),
		tool(`Easy Diffusion\b`),
	}},
	{"StabilityMatrix", Declares, []Rule{
		key("{", "parameters-json", "smproj"),
	}},
	{"settings of a diffusion sampler", Declares, []Rule{
		test("any field", "JSON with seed, steps and two of guidance, sampler, prompt, model", samplerSettings).of("seed", "steps").as("settings of a sampler", Conclusive, "The settings of a sampler stand there, in the terms that only such programs have."),
		test("Stable Diffusion command lines", "--seed, --steps, --cfg-scale", commandLine).of(commandOptions...).as("command line", Strong, "Options of a command stand there that only such programs have."),
	}},
	{"Stable Diffusion", Declares, []Rule{
		tool(`Stable ?Diffusion\b|Stability[ .]?AI\b|DreamStudio\b|Stable ?(?:Image|Video)(?: Diffusion)? (?:Ultra|Core|\d)|diffusers\b|HuggingFace Diffusers|Draw Things\b|DiffusionBee\b|mflux\b|Mochi Diffusion\b|Guernika\b|sd-scripts\b|stable-diffusion\.cpp`),
		maker(`Stability AI\b`),
	}},
	{"FLUX", Declares, []Rule{
		maker(`Black Forest Labs\b`),
		tool(`AI generated;|Black Forest Labs\b|FLUX[ ._-]?[12](?:\.\d)?[ ._-]?(?:\[|dev|schnell|pro|kontext|krea|ultra|$)`),
	}},
	{"Midjourney", Declares, []Rule{
		tool(`Midjourney\b`),
		credit(`Midjourney\b`),
		// The text before belongs to the person who typed it; only what the service adds counts.
		inOrder(jobLine, ` --(?:ar|v|niji|stylize|…) … Job ID: `+uuid, "Description", "ImageDescription", "dc:description", "2:120 Caption", "©des", "desc", "©cmt", "comment",
			"Comment", "COM", "COMM", "ICMT", "COMMENT", "DESCRIPTION", "UserComment", "exif:UserComment").
			as("options and number of a job", Conclusive, "The options and the number of a job stand there in the way this service writes them."),
		test("Description of a PNG, alone", "ends in Job ID: and a version 4 UUID", func(s *search, f *text) (string, bool) {
			if f.Place != "png text" || f.Key != "Description" {
				return "", false
			}
			return jobID.first(s, f)
		}, jobID).as("number of a job", Strong, "The description ends in the number of a job, in the way this service writes it."),
	}},
	{"DALL-E and other models of OpenAI", Declares, []Rule{
		tool(`DALL[·.\- ]?E\b|ChatGPT\b|OpenAI\b|gpt-image-\d|GPT-4o?\b|Sora\b(?: [12v]|$| by OpenAI)`),
		maker(`OpenAI\b`),
		credit(`DALL[·.\- ]?E(?: \d)?$|OpenAI$|ChatGPT$`),
	}},
	{"Adobe Firefly", Declares, []Rule{
		tool(`Adobe Firefly\b|Firefly (?:Image|Video) (?:Model )?\d`),
		credit(`Adobe Firefly\b`),
	}},
	{"Google Imagen, Gemini, Veo", Declares, []Rule{
		tool(`Google (?:Imagen|Gemini|Veo|Generative AI|DeepMind)\b|Imagen [2-9]\b|Gemini \d(?:\.\d)? (?:Flash|Pro) ?(?:Image|Preview)|Nano Banana\b|Veo [2-9](?:\.\d)?\b|Vertex AI\b`),
	}},
	{"Microsoft Designer, Bing Image Creator", Declares, []Rule{
		tool(`Microsoft Designer\b|Bing Image Creator\b|Image Creator from (?:Microsoft )?(?:Bing|Designer)\b|Microsoft Bing Image Creator`),
		credit(`(?:Bing )?Image Creator from (?:Microsoft )?(?:Bing|Designer)`),
	}},
	{"Meta AI", Declares, []Rule{
		tool(`Meta AI\b|Imagine with Meta\b|Emu (?:Edit|Video)\b`),
		credit(`(?:Imagined with |Made with )?Meta AI\b`),
	}},
	{"Grok", Declares, []Rule{
		tool(`xAI Grok\b|Grok (?:Imagine|Aurora|\d)|Aurora by xAI`),
		described(`^Signature: [A-Za-z0-9+/]{80,800}={0,2}$`, "ImageDescription", "UserComment").as("signature", Strong, "A signature stands there in the way this service writes it."),
	}},
	{"other image services", Declares, []Rule{
		tool(`Leonardo\.? ?AI\b|Ideogram(?:\.ai| AI| \d)|Recraft(?:\.ai| AI| V\d|$)|Krea(?:\.ai| AI)\b|Playground ?(?:AI|v\d)|NightCafe\b|Artbreeder\b|StarryAI\b|(?:Dream by )?WOMBO\b|Craiyon\b|getimg\.ai\b|Tensor\.?Art\b|SeaArt\b|PixAI\b|Civitai\b|Yodayo\b|BlueWillow\b|Lexica(?:\.art| Aperture)|Freepik (?:AI|Mystic|Pikaso)|Canva (?:AI|Magic Media|Dream Lab)|Magic Media\b|Seedream\b|Dreamina\b|Jimeng\b|Doubao\b|Hunyuan|Qwen-?Image\b|Tongyi Wanxiang\b|Wan ?2\.\d|Kolors\b|Kandinsky \d|Shedevrum\b|HiDream\b|AuraFlow\b|PixArt-|StyleGAN\d?\b|This Person Does Not Exist|Generated Photos\b|Amazon Titan Image|Amazon Nova Canvas|Reve (?:Image|AI)\b|Photosonic\b|DeepAI\b|Dezgo\b|Mage\.space|Perchance AI|Hotpot\.ai|Fotor AI Image|Picsart AI Image|Getty Images Generative AI|Shutterstock AI\b`),
	}},
	{"video services", Declares, []Rule{
		tool(`Runway(?:ML)?(?: Gen-?\d|ML\b|$)|Pika(?: Labs|\.art| \d)|Kling(?: ?AI)?(?: \d|$)|KlingAI\b|Luma (?:AI|Dream Machine|Labs)|Dream Machine by Luma|Hailuo(?: AI)?\b|MiniMax (?:Video|Hailuo)|PixVerse\b|Vidu(?: AI| \d|$)|HeyGen\b|Synthesia\b|D-ID(?: |$)|Hedra\b|Haiper\b|Genmo\b|LTX[- ]?(?:Video|Studio)|CogVideo|HunyuanVideo|AnimateDiff\b|DeepFaceLab\b|FaceSwap\b|FaceFusion\b|Roop\b|Rope(?:-next)?\b(?: v?\d|$)|SadTalker\b|Wav2Lip\b|LivePortrait\b|Captions\.ai|Colossyan\b|Deepbrain AI|Elai\.io`),
		described(`^(?:Generated|Created|Made) (?:by|with|using) (?:Runway|Pika|Kling(?: ?AI)?|Luma (?:AI|Dream Machine)|Hailuo(?: AI)?|Sora|Veo|HeyGen|Synthesia|D-ID|PixVerse|Vidu|FaceFusion|DeepFaceLab)\b`),
	}},
	{"voice and music services", Declares, []Rule{
		described(`(?i)^made with (?:suno|udio|elevenlabs)\b(?: studio)?(?:;|$| ai\b)`).as("note of the service", Strong, "A note stands there in the way this service writes it."),
		anywhere(`https://(?:www\.)?(?:suno\.(?:com|ai)/song|udio\.com/songs)/[0-9A-Za-z-]{1,64}`),
		tool(`Suno\b(?: AI|$| v\d)|Udio\b|ElevenLabs\b|Eleven Labs\b|Play\.ht\b|Resemble(?:\.ai| AI)|Murf(?:\.ai| AI|$)|Stable Audio\b|AudioCraft\b|MusicGen\b|Bark \(Suno\)|Coqui TTS\b|Tortoise[- ]TTS\b|so-vits-svc\b|RVC(?: v?\d|-|$)|GPT-SoVITS\b|Descript Overdub|Amazon Polly\b|Google Cloud Text-to-Speech|Azure (?:Neural|AI Speech|Text to Speech)`),
		credit(`(?:Suno|Udio|ElevenLabs)(?: AI|, Inc\.?)?$`),
	}},
	{"any of the above, as a credit line or the first words of a description", Declares, []Rule{
		described(`^(?:AI art |Image |Picture |Video |Art )?(?:(?:G|g)enerated|(?:C|c)reated|(?:M|m)ade) (?:by|with|using|in) (?:DALL[·.\- ]?E|Midjourney|Stable Diffusion|Adobe Firefly|ComfyUI|NovelAI|InvokeAI|Leonardo\.?(?: ?AI|Ai)|Bing Image Creator|Microsoft Designer|ChatGPT|Grok|FLUX\.[12]|Ideogram|Imagen [2-9]|Google Gemini|Craiyon)\b`),
		credit(`(?:Generated|Created|Made) (?:by|with|using) (?:DALL[·.\- ]?E|Midjourney|Stable Diffusion|Adobe Firefly|ComfyUI|NovelAI|ChatGPT|Grok|FLUX\.[12]|Ideogram|Leonardo\.? ?AI)\b`),
	}},

	{"editors", Editor, []Rule{
		editorTool(`Adobe (?:Photoshop|Lightroom|Camera Raw|Illustrator|InDesign|Premiere|After Effects|Media Encoder|ImageReady|Express|Bridge|XMP|Fireworks|Acrobat|PDF)\b|Photoshop\b|Lightroom\b|GIMP\b|Affinity (?:Photo|Designer)|Capture One\b|Snapseed\b|PicsArt\b|Pixelmator\b|paint\.net\b|ImageMagick\b|GraphicsMagick\b|darktable\b|RawTherapee\b|ACDSee\b|DxO\b|Luminar\b|Topaz\b|Canva\b|Figma\b|Microsoft (?:Paint|Photos|Windows Photo|Office|PowerPoint|Word|Photo Editor)|Windows Photo Editor|Photos \d|Picasa\b|Google Photos|PhotoScape\b|Photopea\b|IrfanView\b|XnView\b|Corel|PaintShop|Paint Shop Pro|Krita\b|Inkscape\b|Sketch\b|VSCO\b|Instagram\b|Facetune\b|FaceApp\b|Meitu\b|BeautyPlus\b|CapCut\b|iMovie\b|Final Cut\b|DaVinci Resolve\b|HandBrake\b|Lavf|Lavc|LAME\b|Audacity\b|iTunes\b|QuickTime\b|PhotoImpact|ULEAD|Ulead|Photomatix|Aperture \d|Nikon Transfer|ViewNX|Capture NX|Digital Photo Professional|OLYMPUS (?:CAMEDIA|Studio|Master)|Zoner\b|PhotoFiltre|Screenshot$|gnome-screenshot|Greenshot|ShareX|Snagit`),
		test("pdf Producer and Creator", "any program", func(_ *search, f *text) (string, bool) {
			return f.Value[:min(len(f.Value), 80)], f.Place == "pdf" && (f.Key == "Producer" || f.Key == "Creator")
		}).as("named as the program", None, "A program that made the document. That is common."),
	}},
	{"cameras and telephones", Camera, []Rule{
		test("Make, Model", "any maker that is no generator", func(_ *search, f *text) (string, bool) {
			if f.role != roleMaker || len(f.Value) > 80 || strings.ContainsAny(f.Value, "{}") {
				return "", false
			}
			return f.Value, true
		}).as("named as the maker", None, "A camera or telephone is named as the maker. Anyone can write that."),
	}},
	{"digital source type: something else", Stated, []Rule{
		stated(Captured, "The standard tag for the kind of source says that it was taken from life, or digitised. Anyone can write that."),
		stated(Edited, "The standard tag for the kind of source says that a person made it or changed it with ordinary tools. Anyone can write that."),
		stated(Algorithmic, "The standard tag for the kind of source says that a program made it by fixed rules, without a trained model."),
		stated(Composed, "The standard tag for the kind of source says that it is put together from several, and leaves open whether a model made any."),
		test("DigitalSourceType", "any other value", func(_ *search, f *text) (string, bool) {
			return f.Value, f.role == roleSource && Classify(f.Value) == ""
		}).as("digital source type", None, "The standard tag for the kind of source has a value that is not in the vocabulary."),
	}},
	{"editing history", Stated, []Rule{
		test("xmpMM:History", "each step", func(_ *search, f *text) (string, bool) { return f.Value, f.role == roleHistory }).
			as("step of the history", None, "A step that a program noted when it saved the file. Anyone can write that."),
	}},
}

// editorTool names a program whose name says nothing.
func editorTool(pattern string) Rule {
	return tool(pattern).as("named as the program", None, "A program that saved the file. That is common, and says nothing of its content.")
}

// stated are values of the source type that say nothing of a trained model.
func stated(class SourceClass, means string) Rule {
	return source(SourceTypes(class)...).as("digital source type", None, means)
}

var (
	// Tools of editors that have a model paint what was not there.
	generative = compile(`(?i)\b(?:generative (?:fill|expand|remove|recolor|extend|upscale|workspace|erase)|generate (?:image|background|similar)|magic (?:edit|expand|editor|eraser)|ai (?:image generat|replace|expand)\w{0,16})\b`)
	jobID      = compile(`\bJob ID: [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	// Names of a graph, whole or quoted inside other JSON.
	classType  = compile(`"class_type\\{0,8}"\s{0,16}:\s{0,16}\\{0,8}"`)
	inputs     = compile(`"inputs\\{0,8}"\s{0,16}:\s{0,16}\{`)
	nodes      = compile(`"nodes\\{0,8}"\s{0,16}:\s{0,16}\[`)
	lastNode   = compile(`"last_(?:node|link)_id\\{0,8}"\s{0,16}:`)
	aigcLabel  = compile(`Label\\{0,8}["']?\s{0,16}[:=]\s{0,16}\\{0,8}["']?1\b`)
	aigcFields = compile(`Content(?:Producer|Propagator)|Produce(?:ID|r)|PropagateID|ReservedCode1`)

	// Settings of a sampler, as AUTOMATIC1111 and its relatives write them.
	samplerLine = sequence{before: " \t\n\r\f.,>", head: compile(`Steps: \d{1,4}, `),
		tail: compile(`, (?:Sampler|CFG scale|Guidance|Seed|Size|Model hash|Schedule type): `), shared: len(", "), gap: 800, more: 60}
	dreamLine = sequence{head: compile(` -s ?\d{1,6} `), tail: compile(`-S ?\d{1,20}`), gap: 400}
	// The text before belongs to the person who typed it; only what the service adds counts.
	jobLine = sequence{head: compile(` --(?:v|ar|niji|q|s|c|w|stylize|chaos|weird|style|seed|raw|iw|no|tile|version|profile|p|sref|cref|oref|sw|upbeta|upanime|uplight|hd|test|testp|creative|video|aspect|quality|draft|exp|stop|fast|relax|turbo|motion)\b`),
		tail: compile(`Job ID: ` + uuid), gap: 800}
)

// comfy recognises a graph of ComfyUI, whole or quoted inside other JSON.
func comfy(s *search, f *text) (string, bool) {
	if !s.near(classType, f) && !s.near(lastNode, f) {
		return "", false
	}
	if _, ok := isObject(f.Value); !ok {
		return "", false
	}
	switch {
	case stands(s, f, classType) && stands(s, f, inputs):
		return "graph with class_type and inputs", true
	case stands(s, f, nodes) && stands(s, f, lastNode):
		return "workflow with nodes and last_node_id", true
	}
	return "", false
}

func stands(s *search, f *text, p *pattern) bool {
	_, ok := p.first(s, f)
	return ok
}

// aigc recognises the implicit label that providers in China must write. Label 1 says that
// the content is generated; 2 and 3 say that somebody else thinks it may be.
func aigc(s *search, f *text) (string, bool) {
	named := called(f, "aigc")
	if !named && s.has("aigc") == 0 || !stands(s, f, aigcLabel) || !named && !stands(s, f, aigcFields) {
		return "", false
	}
	return "AIGC Label 1", true
}

// commandOptions are options that only programs of this kind have.
var commandOptions = []string{"--seed ", "--steps ", "--cfg-scale ", "--cfg_scale ", "--guidance ", "--sampler ", "--sampling-method ", "--ddim_steps ", "--num-inference-steps "}

// commandLine recognises the options of command line tools, which some write as they are.
func commandLine(s *search, f *text) (string, bool) {
	return "options of a command line", f.role == roleText && s.has(commandOptions...) >= 3
}
