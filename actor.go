package cordon

// ActorKind says what sort of actor did something.
type ActorKind string

// Kinds of actors.
const (
	Person ActorKind = "person"
	Client ActorKind = "client"
	Self   ActorKind = "cordon"
)

// Actor is who did something. ID is a pseudonym: a random identifier that the store maps
// to an account or a client, never a name and never a hash of one.
type Actor struct {
	Kind ActorKind `json:"kind"`
	ID   ID        `json:"id"`
}

// Cordon is the actor for what the gateway does by itself.
var Cordon = Actor{Kind: Self, ID: "cordon"}

func (a Actor) String() string { return string(a.Kind) + "/" + string(a.ID) }
