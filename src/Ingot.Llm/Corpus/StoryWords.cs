namespace Ingot.Llm.Corpus;

/// <summary>The vocabulary of the stories, by the role a word plays in a sentence.</summary>
static class StoryWords
{
    public static readonly string[] GirlNames =
    [
        "Lily", "Anna", "Mia", "Rosa", "Clara", "Nora", "Ella", "Ivy", "Ruby", "Hazel", "Tessa", "Wendy", "Molly", "Greta", "Nina", "Ada", "June", "Pearl",
        "Daisy", "Olive", "Sally", "Zoe", "Leah", "Maya", "Tilda", "Petra", "Esme", "Flora", "Hanna", "Ines",
    ];

    public static readonly string[] BoyNames =
    [
        "Tom", "Ben", "Max", "Sam", "Leo", "Finn", "Hugo", "Otto", "Jack", "Theo", "Noah", "Eli", "Oscar", "Felix", "Milo", "Peter", "Rory", "Jasper",
        "Arlo", "Ned", "Toby", "Luca", "Ravi", "Kofi", "Anton", "Emil", "Gus", "Henry", "Ivan", "Simon",
    ];

    public static readonly string[] Animals =
    [
        "rabbit", "fox", "mouse", "hedgehog", "squirrel", "duck", "frog", "owl", "badger", "bear", "kitten", "puppy", "goat", "pony", "otter", "sparrow",
        "turtle", "lamb", "mole", "donkey", "hamster", "beaver", "goose", "deer",
    ];

    public static readonly string[] Traits =
    [
        "kind", "brave", "shy", "curious", "clever", "cheerful", "gentle", "quiet", "busy", "careful", "honest", "patient", "lively", "hopeful", "stubborn",
        "playful", "thoughtful", "eager", "friendly", "sleepy", "merry", "polite", "restless", "dreamy",
    ];

    public static readonly string[] Elders =
    [
        "grandmother", "grandfather", "mother", "father", "aunt", "uncle",
    ];

    public static readonly string[] Workers =
    [
        "baker", "gardener", "fisherman", "shepherd", "miller", "carpenter", "tailor", "teacher", "postman", "farmer", "painter", "clockmaker", "beekeeper",
        "blacksmith", "librarian", "ferryman", "weaver", "potter",
    ];

    public static readonly string[] WorkerTraits = ["old", "tall", "tired", "friendly", "wise", "young", "round", "grumpy", "kind", "cheerful", "silent", "gentle"];

    public static readonly string[] Homes = ["village", "town", "farm", "cottage", "valley", "house", "harbor", "orchard", "mill", "garden", "tower", "clearing"];

    public static readonly string[] HomeTraits = ["small", "quiet", "sunny", "windy", "old", "green", "snowy", "peaceful", "crooked", "pretty", "faraway", "sleepy", "tiny", "bright"];

    public static readonly string[] Whereabouts =
    [
        "by the sea", "near the river", "at the edge of the forest", "below the white hills", "behind the old mill", "between two lakes", "under the tall pines",
        "across the stone bridge", "at the foot of the mountain", "on a green island", "beside the railway", "at the end of a long road", "next to a wide meadow",
        "above the blue bay", "in the middle of the woods",
    ];

    /// <summary>Places that one can walk to, look in and come back from; each follows "in" or "at" as given.</summary>
    public static readonly (string At, string Place)[] Places =
    [
        ("in", "the forest"), ("in", "the meadow"), ("at", "the market"), ("at", "the river"), ("on", "the hill"), ("in", "the barn"), ("at", "the pond"),
        ("in", "the orchard"), ("on", "the beach"), ("in", "the library"), ("at", "the bridge"), ("in", "the attic"), ("at", "the old well"), ("in", "the cave"),
        ("in", "the rose garden"), ("at", "the windmill"), ("on", "the wooden pier"), ("in", "the wheat field"), ("at", "the bakery"), ("in", "the valley"),
        ("at", "the lighthouse"), ("in", "the cellar"), ("at", "the railway station"), ("in", "the pine wood"),
    ];

    public static readonly string[] Spots =
    [
        "under a bench", "behind a wall", "beside a tall oak", "between two rocks", "under a heap of leaves", "in a hollow log", "near a bush of berries",
        "on a low branch", "behind an empty barrel", "in the long grass", "under an upturned boat", "inside a basket", "on top of a gate", "next to a puddle",
        "in a broken pot", "beneath the ivy", "on the windowsill", "at the bottom of a ditch", "behind the woodpile", "in a nest of straw",
    ];

    public static readonly string[] Things =
    [
        "kite", "ball", "hat", "lantern", "boat", "scarf", "drum", "basket", "whistle", "button", "book", "key", "bell", "umbrella", "wagon", "mitten", "ring",
        "flute", "teapot", "blanket", "music box", "spoon", "map", "necklace", "puppet", "compass", "ribbon", "marble", "clock", "paintbrush",
    ];

    public static readonly string[] Colors = ["red", "blue", "green", "yellow", "white", "black", "silver", "golden", "purple", "orange", "brown", "pink", "gray"];

    public static readonly string[] ThingTraits = ["old", "new", "little", "shiny", "wooden", "round", "striped", "pretty", "tiny", "heavy", "soft", "painted", "odd", "lovely", "plain", "beautiful"];

    public static readonly string[] Treats =
    [
        "cake", "pie", "loaf of bread", "pot of soup", "jar of honey", "bowl of berries", "bag of nuts", "plate of pancakes", "apple tart", "basket of pears",
        "piece of cheese", "bowl of porridge", "tin of biscuits", "plum pudding", "jug of cider", "bunch of grapes",
    ];

    public static readonly string[] TreatTraits = ["warm", "sweet", "big", "fresh", "crisp", "delicious", "small", "simple", "fine", "tasty", "special"];

    /// <summary>What one may love to do, as "-ing" phrases.</summary>
    public static readonly string[] Pastimes =
    [
        "collecting smooth stones", "singing to the birds", "drawing boats", "climbing trees", "counting clouds", "baking bread", "telling stories",
        "watching the snails", "building towers", "looking at the stars", "jumping over puddles", "picking flowers", "reading about far countries",
        "playing hide-and-seek", "feeding the hens", "rolling down the hill", "making paper birds", "listening to the rain", "digging in the sand",
        "painting eggs", "following the ants", "learning new songs", "mending old toys", "catching falling leaves", "writing letters",
    ];

    public static readonly string[] Occasions =
    [
        "in the morning", "after lunch", "before the sun went down", "on rainy days", "when the house was quiet", "every evening", "on warm afternoons",
        "when the wind was strong", "in the winter", "all summer long", "on Sundays", "as soon as the snow melted", "after school", "before breakfast",
    ];

    /// <summary>What one can learn to do: the plain verb phrase, its "-ing" form, its past form and what makes it hard.</summary>
    public static readonly (string Do, string Doing, string Did, string Hard)[] Skills =
    [
        ("swim", "swimming", "swam", "the water felt too cold"),
        ("whistle", "whistling", "whistled", "only air came out"),
        ("ride a bicycle", "riding a bicycle", "rode a bicycle", "the wheels wobbled"),
        ("dance", "dancing", "danced", "the steps came too fast"),
        ("bake bread", "baking bread", "baked bread", "the dough would not rise"),
        ("skate", "skating", "skated", "the ice was so slippery"),
        ("read", "reading", "read", "the letters seemed to jump about"),
        ("play the flute", "playing the flute", "played the flute", "every note squeaked"),
        ("sail a boat", "sailing a boat", "sailed a boat", "the wind kept turning"),
        ("juggle", "juggling", "juggled", "the balls fell one after another"),
        ("knit", "knitting", "knitted", "the wool was full of knots"),
        ("climb the great oak", "climbing the great oak", "climbed the great oak", "the branches were far apart"),
        ("tie a strong knot", "tying a strong knot", "tied a strong knot", "the rope slipped away"),
        ("fly a kite", "flying a kite", "flew a kite", "the string was always tangled"),
        ("sing in front of people", "singing in front of people", "sang in front of people", "the words got lost"),
        ("paint a face", "painting a face", "painted a face", "the nose looked like a potato"),
    ];

    public static readonly string[] Weather =
    [
        "sunny", "cloudy", "windy", "rainy", "snowy", "foggy", "warm", "cold", "bright", "gray", "frosty", "mild", "stormy", "golden", "quiet", "hot",
    ];

    public static readonly string[] PartsOfDay = ["morning", "afternoon", "evening"];

    public static readonly string[] Weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

    public static readonly string[] DayTimes = [.. PartsOfDay, .. Weekdays, "day", "spring day", "autumn day", "winter day", "summer day"];

    /// <summary>Plural things of nature and what they may do, in the past tense.</summary>
    public static readonly (string Who, string[] Did)[] Nature =
    [
        ("the birds", ["sang", "flew low", "were silent", "chattered loudly", "hopped about"]),
        ("the leaves", ["rustled", "turned in the air", "fell softly", "shone", "danced"]),
        ("the clouds", ["drifted by", "grew dark", "looked like sheep", "hurried along", "hung low"]),
        ("the bees", ["hummed", "went home", "worked hard", "circled slowly", "flew in and out"]),
        ("the branches", ["swayed", "creaked", "dripped", "bent down", "waved"]),
        ("the waves", ["rolled in", "glittered", "whispered", "splashed", "were calm"]),
        ("the shadows", ["grew long", "moved slowly", "were cool and blue", "crept closer", "faded"]),
        ("the stars", ["came out", "blinked", "hid behind the mist", "looked very close", "shone brightly"]),
        ("the flowers", ["nodded", "opened", "smelled sweet", "closed one by one", "drank the rain"]),
        ("the frogs", ["croaked", "jumped into the water", "kept still", "sang their song", "sat in a row"]),
        ("the roofs", ["were wet", "shone in the sun", "were white with frost", "smoked gently", "looked like red caps"]),
        ("the crickets", ["chirped", "fell silent", "played their music", "hid in the grass", "began to sing"]),
    ];

    public static readonly string[] Roads =
    [
        "along the stream", "through the tall grass", "over the hill", "past the church", "down the muddy lane", "across the field", "through the gate",
        "around the pond", "under the arch", "up the narrow path", "over the fallen log", "past the sleeping cows", "between the apple trees", "along the stone wall",
    ];

    /// <summary>How one goes, in the past tense.</summary>
    public static readonly string[] Went = ["walked", "ran", "hurried", "wandered", "tiptoed", "marched", "skipped", "strolled", "crept", "raced", "trotted"];

    /// <summary>How one speaks, in the past tense.</summary>
    public static readonly string[] Said = ["said", "whispered", "cried", "answered", "called", "laughed", "murmured", "replied", "shouted", "sighed"];

    public static readonly string[] Adverbs = ["softly", "slowly", "carefully", "bravely", "quietly", "happily", "kindly", "proudly", "gently", "at once", "at last", "with a smile", "with a deep breath"];

    public static readonly string[] LoudAdverbs = ["loudly", "bravely", "happily", "proudly", "at once", "at last", "with a big smile", "from far away", "twice"];

    public static readonly string[] GoodFeelings = ["happy", "proud", "glad", "thankful", "calm", "cheerful", "full of joy", "warm inside", "pleased", "light as a feather"];

    public static readonly string[] BadFeelings = ["sad", "worried", "unhappy", "anxious", "upset", "downhearted", "close to tears", "helpless", "troubled", "miserable"];

    /// <summary>What was learned, as a clause after "that".</summary>
    public static readonly (string Subject, string[] Claims)[] Lessons =
    [
        ("a true friend", ["is worth more than gold", "stays when the rain comes", "listens first", "shares the last crumb", "is never far away"]),
        ("a small kindness", ["comes back one day", "can warm a whole winter", "costs nothing", "is never wasted", "makes two people glad"]),
        ("patience", ["opens many doors", "is stronger than hurry", "makes hard things easy", "is a quiet kind of courage", "brings its own reward"]),
        ("the truth", ["is easier to carry than a lie", "makes the heart light", "is always the shortest road", "may hurt a little but heals", "needs a brave voice"]),
        ("asking for help", ["is not a weakness", "takes courage", "saves a long walk", "is the first step", "makes new friends"]),
        ("sharing", ["makes every meal bigger", "is better than winning", "turns strangers into friends", "is a kind of magic", "leaves nobody hungry"]),
        ("trying again", ["is how everyone begins", "is the secret of every skill", "hurts less than giving up", "makes the legs strong", "always teaches something"]),
    ];

    public static readonly string[] Closings =
    [
        "fell asleep", "looked up at the moon", "told the whole story again", "lit a candle", "drank a cup of warm milk", "danced around the table",
        "sat by the fire", "watched the stars come out", "sang a little song", "ate supper", "made plans for the next day", "wrote it all down",
        "waved from the door", "laughed until it hurt",
    ];
}
