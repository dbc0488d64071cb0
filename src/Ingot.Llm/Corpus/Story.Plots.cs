using static Ingot.Llm.Corpus.StoryWords;

namespace Ingot.Llm.Corpus;

/// <summary>The plots: what the hero wishes, what stands in the way and why, who helps, and how it comes out.</summary>
sealed partial class Story
{
    static readonly Action<Story>[] Plots = [s => s.LostThing(), s => s.Gift(), s => s.Lesson(), s => s.Rescue(), s => s.SharedTreat(), s => s.Quarrel(), s => s.Journey()];

    void LostThing()
    {
        string noun = Pick(Things), thing = $"{Pick(ThingTraits)} {Pick(Colors)} {noun}";
        var (lostAt, foundAt) = PickTwo(Places);
        var (looked, spot) = PickTwo(Spots);
        string cause = Pick($"there was a hole in {hero.His} pocket", "the wind had been so strong", $"{hero.He} had been {Pick(Pastimes)} and had not paid attention",
            $"{friend} had {Pick("laughed", "called", "pulled", "jumped")} at the wrong moment", $"a magpie had seen it shine", $"{hero.He} had run too fast");
        Say(Pick($"{hero} owned {A(thing)}, a present from {hero.His} {Pick(Elders)}, and carried it everywhere", $"the dearest thing that {hero} had was {A(thing)} from {hero.His} {Pick(Elders)}",
            $"{hero.His} {Pick(Elders)} had given {hero} {A(thing)}, and {hero.He} loved it"));
        NextPart();
        Say($"one {Pick(Weather)} {Pick(DayTimes)}, {lostAt.At} {lostAt.Place}, {hero} {Pick("noticed", "saw", "found")} that the {noun} was gone");
        Feel(hero, cause);
        if (random.Chance(50)) Speak(hero.Name, $"where can my {Pick("dear", "lovely", "poor", "only")} {noun} be?");
        Speak(friend.Name, Pick($"let us look for it {lostAt.At} {lostAt.Place} and then {foundAt.At} {foundAt.Place}", $"do not cry, {hero}, {A(noun)} does not have legs", $"we will find your {noun} before the {Pick(PartsOfDay)} is over"));
        Say($"first they looked {looked}, then {Pick(Whereabouts)}, but there was {Pick("only", "nothing but")} {A($"{Pick(ThingTraits)} {Pick(Things)}")}");
        Travel("the two friends", foundAt);
        Say($"there {Pick("sat", "stood", "worked", "waited")} {worker}, who {Pick("listened", "smiled", "scratched one ear", "put down a bag")} and {Pick("pointed to", "nodded towards", "showed them")} a spot {Pick("nearby", "not far away", "in the shade")}");
        Speak(worker, Pick($"I saw something small {spot} this {Pick(PartsOfDay)}", $"look {spot}, {Pick("my child", "little one", "you two")}, and you may find {A(noun)}"));
        Say($"and there, {spot}, lay the {noun}, {Pick("a little dusty", "quite wet", "as good as new", "shining in the sun", "covered with leaves", "cold but whole")}, and {hero} {Pick("hugged", "kissed", "thanked", "held")} {Pick(friend.Name, friend.Him)} {Pick(Adverbs)}");
    }

    void Gift()
    {
        string elder = Pick(Elders), treat = Pick(Treats), noun = Pick(Things), occasion = Pick("birthday", "name day", "wedding day", "first day back home", "journey", "long illness");
        bool isFood = random.Chance(50);
        string missing = isFood ? Pick("flour", "butter", "sugar", "salt", "cream", "honey", "cinnamon") : Pick("thread", "glue", "paper", "wool", "string", "paint", "ribbon", "cloth", "wire");
        string gift = isFood ? $"{Pick(TreatTraits)} {treat}" : $"{Pick(ThingTraits)} {Pick(Colors)} {noun}", name = isFood ? treat : noun;
        var place = Pick(Places);
        Say(Pick($"because of {hero.His} {elder}'s {occasion}, {hero} wished to make {A(gift)}", $"{hero} wanted to surprise {hero.His} {elder} with {A(gift)}", $"for {hero.His} {elder}'s {occasion}, {hero} planned {A(gift)}"));
        NextPart();
        Say($"{hero} {Pick("worked", "tried", "began")} {Pick(Occasions)}, but {Pick("the box", "the cupboard", "the shelf", "the drawer", "the basket")} was {Pick("empty", "bare", "nearly empty")} and there was no {missing} for the {name}");
        Feel(hero, $"without {missing} the {name} could not be {Pick("finished", "made", "ready in time")}");
        Speak(friend.Name, Pick($"perhaps {worker} {place.At} {place.Place} has some to spare", $"come, we will ask {worker} for {missing}", $"I know who can help with {A(name)}, and it is {worker}"));
        Travel($"{hero} and {friend}", place);
        Say($"{worker} {Pick("needed", "was looking for", "wanted", "asked for")} help with {Pick("the firewood", "a broken fence", "the hungry hens", "a heavy sack", "the dirty windows", "a lost sheep", "the apple harvest")}, and the friends {Pick("helped", "worked", "stayed")} until {Pick("noon", "sunset", "tea time", "the work was done", "their arms were tired")}");
        Speak(worker, Pick($"take this {missing}, {hero}, you have earned it", $"such {Pick("good", "willing", "honest", "strong")} helpers shall have what they need for the {name}"));
        Say($"at home {hero} {Pick("finished", "completed", "made")} the {name} while {friend} {Pick("kept watch", "sang", "held the lamp", "tidied up", "told jokes")}, and it was {Pick("a bit crooked", "better than hoped", "the finest in the land", "just right", "ready just in time")}");
        Say($"when {hero.His} {elder} saw the {gift}, {Pick("there were tears of joy", "nobody spoke for a moment", "the whole room became bright", "there was a long, long hug")} {Pick("and then everyone laughed", "and somebody clapped", "and a song was sung", "and the tea grew cold")}");
    }

    void Lesson()
    {
        var (skill, doing, did, hard) = Pick(Skills);
        var place = Pick(Places);
        Say(Pick($"more than anything, {hero} wanted to {skill}, {Pick("like", "as well as", "just like")} {hero.His} {Pick(Elders)} long ago", $"{hero} dreamed of {doing} {Pick(Occasions)}", $"{hero} had one wish, and that was to {skill} before {Pick("the summer ended", "the first snow", "the fair", "the next full moon", "school began")}"));
        NextPart();
        Say($"one {Pick(Weather)} {Pick(DayTimes)}, {hero} went to {place.Place} and tried, but {hard}{Pick("", $", and {friend} {Pick("giggled", "looked away", "could not help")}", $" and soon {hero.He} {Pick("gave up", "sat down", "went home")}")}");
        Feel(hero, Pick($"{doing} looked so easy when {friend} did it", $"{hard} again and again", $"{hero.He} had told everyone about {doing}", $"it seemed that only {hero.He} could not {skill}"), "sad", "ashamed", "disappointed", "cross", "discouraged", "close to tears", "unhappy");
        Speak(hero.Name, Pick($"I shall never {skill}, {friend}", $"{doing} is not for {A($"{Pick(Traits)} {hero.Kind}")} like me", $"why can everyone {skill} but me?"));
        Say($"{worker}, who {Pick("came by", "was resting there", "had seen it all", "lived close by")} {Pick("with", "carrying", "and held")} {A($"{Pick(Colors)} {Pick(Things)}")}, {Pick("stopped", "sat down", "came closer")}");
        Speak(worker, Pick($"I fell down {Pick("seven", "ten", "twenty", "a hundred")} times before I {did}", $"begin {Pick("slowly", "with one small step", "with your eyes closed", "without fear")}, and {doing} will come {Pick("by itself", "in time", "like a friend")}", $"nobody {did} well on the first {Pick("day", "morning", "try")}, {hero}"));
        Say($"so {hero} {Pick("practiced", "tried", "worked at it")} {Pick(Occasions)}, {Pick("day after day", "again and again", "for a whole week", "with sore feet", "with a stubborn heart")}, while {friend} {Pick("counted", "cheered", "watched", "clapped", "waited")} {Pick(Spots)}");
        Say($"then, {place.At} {place.Place}, on {A($"{Pick(Weather)} {Pick(DayTimes)}")}, {hero} {did} {Pick("at last", "without one mistake", "as if it were nothing", "better than anybody")}, and {friend} {Pick("shouted", "cheered", "clapped", "jumped")} {Pick("for joy", "with delight", "like a happy frog")}");
    }

    void Rescue()
    {
        string animal = Pick(Animals.Where(a => a != hero.Kind && a != friend.Kind).ToArray());
        string poor = $"{Pick("small", "frightened", "young", "shivering", "hungry", "lame", "wet", "lost")} {animal}";
        var place = Pick(Places);
        var (trouble, remedy) = Pick<(string, string[])>(
            ("caught in a fence", ["lifted the wire", "bent the wire away", "cut the wire with great care"]),
            ("stuck in the mud", ["laid down a plank", "pulled with a rope", "dug with both hands"]),
            ("trapped under a branch", ["rolled the branch aside", "raised it with a long pole", "pushed until it moved"]),
            ("tangled in a net", ["untied every knot", "opened the net", "cut the strings one by one"]),
            ("at the bottom of a hole", ["let down a basket", "made a ramp of earth", "lowered a ladder"]),
            ("on a rock in the water", ["built a little bridge of stones", "brought a boat", "waded in with a rope"]));
        string cause = Pick("the storm had come so suddenly", "nobody had heard it call", $"it had been chased by {A($"{Pick("big", "wild", "angry", "noisy")} dog")}", "it had followed a butterfly", "the night had been dark", "it had looked for food");
        Say(Pick($"{hero} often wished for {Pick("an adventure", "a secret", "a surprise", "something important to do")} {place.At} {place.Place}", $"{hero} wished to be {Pick("as strong as", "as wise as", "as useful as", "a help to")} {worker}", $"{hero} believed that {A($"{Pick(Traits)} {hero.Kind}")} could never be a hero"));
        NextPart();
        Say($"one {Pick(Weather)} {Pick(DayTimes)}, {Pick("a faint cry", "a strange sound", "a sad little voice")} came from {place.Place}, and {hero} {Pick("stopped", "listened", "turned around", "stood still")} {Pick(Spots)}");
        Say($"{A(poor)} was {trouble} there, {Pick("because", "for")} {cause}");
        Feel(hero, Pick($"the {animal} {Pick("trembled", "did not move", "looked so weak", "could hardly breathe")}", $"{hero.He} could not {Pick("reach", "free", "comfort")} the {animal} alone", $"{Pick("the night was near", "rain began to fall", "it was getting cold", "time was short")} and the {animal} was {Pick("tired", "weak", "alone")}"));
        Speak(hero.Name, Pick($"hold on, little {animal}, I will bring {friend}", $"do not be afraid, {animal}, we are coming", $"who could help us with this {poor}?"));
        Travel(hero.Name, Pick(Places));
        Say($"{friend} {Pick("came", "followed", "agreed")} {Pick("at once", "without a question", "with a lamp", "as fast as possible")}, and together they {Pick(remedy)} {Pick("until", "while", "as")} {Pick(Nature).Who} {Pick("kept them company", "looked on", "watched")}");
        Say($"the {animal} was {Pick("free", "safe", "saved")}, and {Pick("next morning", "a week later", "from then on", "in return")} it {Pick("brought", "left", "gave")} them {A($"{Pick(ThingTraits)} {Pick(Colors)} {Pick("feather", "pebble", "leaf", "berry", "acorn", "shell", "flower")}")}");
        if (random.Chance(40)) Speak(worker, Pick($"that was {Pick("well done", "brave", "kind", "clever")}, {hero}, and the {animal} knows it too", $"{A($"{Pick(Traits)} heart")} is stronger than {A($"{Pick("big", "strong", "heavy")} {Pick("arm", "stick", "rope")}")}"));
    }

    void SharedTreat()
    {
        string treat = Pick(Treats), full = $"{Pick(TreatTraits)} {treat}";
        var place = Pick(Places);
        Say(Pick($"{hero.His} {Pick(Elders)} had made {A(full)}, and {hero} wished to eat it all alone", $"{hero} got {A(full)} from {worker} and wanted to keep it", $"all week {hero} had wished for {A(full)}, and now it was {Pick("there", "ready", "on the table", "in a basket")}"));
        NextPart();
        Travel(hero.Name, place);
        Say($"{Pick(Spots)} sat {friend}, who {Pick("looked hungry", "was very quiet", "did not look up", "held an empty bowl")} {Pick("that", "on this")} {Pick(Weather)} {Pick(DayTimes)}");
        Feel(friend, Pick("the cupboard at home was empty", "there had been no breakfast", $"{friend.His} {Pick(Things)} was broken", $"nobody had time for {friend.Him}", $"{friend.His} {Pick(Elders)} was ill"), "sad", "lonely", "tired", "weak", "forgotten", "unhappy", "hungry and cold");
        Speak(friend.Name, Pick($"your {treat} smells {Pick("wonderful", "of summer", "so good")}, {hero}", $"I have not {Pick("eaten", "had a bite", "tasted anything")} since {Pick("yesterday", "the morning", Pick(Weekdays))}", $"is that {A(full)}?"));
        Say($"{hero} {Pick("hid", "held", "looked at", "covered")} the {treat} and {Pick("thought", "waited", "was silent", "walked up and down")} {Pick("for a long time", "while the clock ticked", "until the bell rang", "and did not know what to do")}");
        Say($"{Pick("then", "at last", "but then", "in the end")} {hero.He} {Pick("remembered", "thought of")} {Pick($"the day when {friend} had {Pick("shared an umbrella", "found the lost key", "carried the heavy bag", "told a joke in the rain", "waited in the cold")}", $"what {hero.His} {Pick(Elders)} had said {place.At} {place.Place}")}, and {hero} {Pick("blushed", "smiled", "sat down", "took out a knife")}");
        Speak(hero.Name, Pick($"half of the {treat} is yours, {friend}", $"sit with me {Pick(Spots)}, there is enough for two", $"{A($"{full}")} tastes better with a friend"));
        Say($"they ate {Pick("every crumb", "slowly", "and talked", "and laughed")} {Pick(Spots)}, and {Pick(Nature).Who} {Pick("seemed to smile", "kept them company", "watched")}");
    }

    void Quarrel()
    {
        string noun = Pick(Things), thing = $"{Pick(ThingTraits)} {Pick(Colors)} {noun}";
        var place = Pick(Places);
        Say(Pick($"{hero} and {friend} both wished for the {thing} that {Pick("lay", "stood", "hung")} {place.At} {place.Place}", $"{place.At} {place.Place} the two friends found {A(thing)}, and each wanted to have it", $"{worker} gave {hero} and {friend} {A(thing)} to share, but sharing was hard"));
        NextPart();
        Speak(hero.Name, Pick($"the {noun} is mine, {friend}, because I saw it first", $"I need the {noun} {Pick("every day", "for school", "for my collection", "more than you do", "this evening", "at home", "when I am alone")}", $"you always take {A($"{Pick(ThingTraits)} {Pick(Things)}")} and I never do"));
        Speak(friend.Name, Pick($"you cannot even use {A(noun)}, {hero}", $"last {Pick(Weekdays)} you had the {Pick(Things)}, so it is my turn", $"then I will not go {Pick(Pastimes)} with you"));
        Say($"they pulled {Pick("left and right", "harder and harder", "with red faces", "like two goats")}, until the {noun} {Pick("fell", "flew", "rolled", "slipped")} {Pick("into the mud", "into the water", "down the slope", "over the wall", "into a bush of thorns")} and {Pick("was bent", "broke in two", "was scratched", "made a sad sound")}");
        Feel(Pick(hero, friend), Pick($"the {noun} had been so {Pick("lovely", "fine", "pretty")}", "angry words are hard to take back", $"the {Pick(Weather)} day was spoiled", $"it was no fun to be {Pick(Pastimes)} alone"), "sad", "ashamed", "sorry", "lonely", "unhappy", "guilty");
        Say($"{Pick("an hour later", "the next morning", "after a long silence", "before supper", "when the bell rang")}, {hero} {Pick(Went)} {Pick(Roads)} and {Pick("found", "met", "saw")} {friend} {Pick(Spots)}");
        Speak(hero.Name, Pick($"I am sorry, {friend}, I would rather lose {A(noun)} than a friend", $"forgive me for what I said about the {noun}", $"shall we mend the {noun} together?"));
        Say($"{worker} lent them {Pick("a hammer", "some glue", "a needle and thread", "a long rope", "a pot of paint")}, and {Pick("soon", "by evening", "after much work", "with four hands")} the {noun} was {Pick("whole", "clean", "mended", "back", "almost new")} and {Pick("belonged to both", "was used by turns", "had two owners", "hung where all could see it")}");
    }

    void Journey()
    {
        var goal = Pick(Places);
        var way = Pick(Places.Where(p => p.Place != goal.Place).ToArray());
        string sight = Pick("the first snow", "the great ships", "the dancing bears of the fair", "the rising moon", "a rainbow with two ends", "the wild geese", "the fireworks", "a whale", "the oldest tree", "the glowworms", "a shooting star");
        var (obstacle, answer) = Pick<(string, string[])>(
            ("a river without a bridge", ["jumped from stone to stone", "crossed on a fallen tree", "made a raft"]),
            ("a thick fog", ["held hands and counted steps", "followed the sound of a bell", "waited until it lifted"]),
            ("a steep cliff", ["climbed it by the roots", "went around it", "found a stair in the rock"]),
            ("a gate with a lock", ["found the key under a stone", "knocked politely", "squeezed through the bars"]),
            ("a heavy storm", ["hid in a dry cave", "sang until it was over", "made a roof of branches"]),
            ("a bull on the path", ["crept by on the other side", "gave it a carrot", "waited until it slept"]));
        Say(Pick($"{hero} wished to see {sight} from {goal.Place}", $"{hero.His} {Pick(Elders)} had told {hero} about {sight}, and now {hero.He} wanted to go to {goal.Place}", $"every night {hero} dreamed of {sight} and of {goal.Place}"));
        NextPart();
        Say($"on {A($"{Pick(Weather)} {Pick(DayTimes)}")}, {hero} packed {A($"{Pick(TreatTraits)} {Pick(Treats)}")} and {A($"{Pick(ThingTraits)} {Pick(Things)}")}");
        Speak(friend.Name, Pick($"I will come with you to {goal.Place}, {hero}", $"two {Pick("walk", "travel", "see", "wander")} better than one, so wait for me {way.At} {way.Place}", $"may I come and see {sight} too?"));
        Travel("they", way);
        Say($"{Pick("there they met", "there they came upon", "all at once they stood before", "but they had to stop at")} {obstacle}, {Pick("because", "for")} {Pick("the rain had changed everything", "nobody had told them the way", "they had taken the wrong turn", $"{friend} had read the map upside down", "the sign had fallen down")}");
        Feel(Pick(hero, friend), Pick($"{goal.Place} was still {Pick("far away", "hours away", "out of sight")}", $"{sight} would not wait", $"the {Pick(PartsOfDay)} was passing and nothing {Pick("helped", "moved", "changed")}", $"{way.Place} looked so {Pick("dark", "strange", "empty")}"));
        Speak(Pick(hero.Name, friend.Name), Pick($"{Pick("a clever", "a patient", "a calm")} {Pick("head", "friend", "heart")} finds a way around {obstacle}", $"think of {sight}, and your legs will not be so {Pick("tired", "heavy", "slow")}", $"what would {worker} do now?"));
        Say($"so they {Pick(answer)}, and {Pick(Nature).Who} {Pick("showed the way", "seemed to cheer", "went with them", "watched")}");
        Say($"{Pick("at sunset", "at last", "when the moon was up", "just in time", "in the first light")}, {goal.At} {goal.Place}, they saw {sight}, and {Pick(hero, friend)} {Pick("could not speak", "forgot to breathe", "held up both arms", "laughed aloud", "began to dance")} {Pick("for wonder", "for a whole minute", "for joy", "as if in a dream")}");
    }
}
