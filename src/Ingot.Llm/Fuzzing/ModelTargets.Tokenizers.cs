using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Ingot.Formats.Fuzzing;

namespace Ingot.Llm.Fuzzing;

// What fuzzing of tokenizer.json begins from: a model of each kind, with steps that are put together at random.
public static partial class ModelTargets
{
    static readonly string[] Models =
    [
        """{"type":"BPE","dropout":null,"unk_token":"<s>","continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":true,"byte_fallback":false,"ignore_merges":false,"vocab":{"<s>":0,"h":1,"e":2,"l":3,"o":4,"w":5,"he":6,"ll":7,"hell":8,"Ġ":9,"Ġw":10},"merges":["h e","l l",["he","ll"],"Ġ w"]}""",
        """{"merges":["h e",["l","l"]],"vocab":{"<s>":0,"h":1,"e":2,"l":3,"he":6,"ll":7,"\u00e9":8}}""",
        """{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,"end_of_word_suffix":"</w>","vocab":{"<unk>":0,"<0x0A>":1,"<0xC4>":2,"▁":3,"a":4,"aa":5,"▁a":6,"a</w>":7},"merges":["a a","▁ a"]}""",
        """{"type":"BPE","continuing_subword_prefix":"##","unk_token":"a","vocab":{"a":0,"##a":1,"aa":2},"merges":["a ##a"]}""",
        """{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"hello":3,"wor":4,"##ld":5,"it":6,"'":7,"s":8}}""",
        """{"unk_token":"[UNK]","continuing_subword_prefix":"##","vocab":{"[UNK]":0,"hello":3}}""",
        """{"type":"Unigram","unk_id":0,"byte_fallback":false,"vocab":[["<unk>",0.0],["<s>",0.0],["▁",-2.0],["▁hello",-3.5],["world",-4.0],["a",-1.5],["aa",-2.5],["l",-3.0]]}""",
        """{"unk_id":null,"byte_fallback":true,"vocab":[["<unk>",0],["▁",-2.0],["\u0061",-1.5]]}""",
        """{"type":"WordLevel","vocab":{"Hello":0,"world":1,"[UNK]":2},"unk_token":"[UNK]"}""",
        """{"vocab":{"Hello":0,"world":1}}""",
    ];

    static readonly string[] Normalizers =
    [
        """{"type":"NFC"}""", """{"type":"NFD"}""", """{"type":"NFKC"}""", """{"type":"NFKD"}""", """{"type":"Lowercase"}""", """{"type":"StripAccents"}""", """{"type":"Strip","strip_left":true,"strip_right":true}""", """{"type":"Strip","strip_left":false}""", """{"type":"Nmt"}""",
        """{"type":"Prepend","prepend":"▁"}""", """{"type":"Replace","pattern":{"String":" "},"content":"▁"}""", """{"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "}""", """{"type":"Replace","pattern":"a","content":""}""", """{"type":"Replace","content":""}""",
        """{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}""", """{"type":"BertNormalizer","strip_accents":false,"lowercase":false}""", """{"type":"Precompiled","precompiled_charsmap":"AAQAAABAAAA="}""", """{"type":"Precompiled","precompiled_charsmap":"?"}""", """{"type":"ByteLevel"}""",
    ];

    static readonly string[] Pretokenizers =
    [
        """{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}""", """{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}""", """{"type":"Whitespace"}""", """{"type":"WhitespaceSplit"}""", """{"type":"BertPreTokenizer"}""", """{"type":"Punctuation","behavior":"Isolated"}""", """{"type":"Punctuation"}""",
        """{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""", """{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false}""", """{"type":"Metaspace","replacement":"▁","add_prefix_space":false}""", """{"type":"Metaspace","replacement":"_","prepend_scheme":"never"}""", """{"type":"Metaspace","replacement":""}""",
        """{"type":"Digits","individual_digits":true}""", """{"type":"Digits"}""", """{"type":"CharDelimiterSplit","delimiter":"l"}""", """{"type":"FixedLength","length":3}""", """{"type":"FixedLength"}""", """{"type":"FixedLength","length":0}""", """{"type":"UnicodeScripts"}""",
        """{"type":"Split","pattern":{"Regex":"(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},"behavior":"Removed","invert":true}""",
        """{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":false}""", """{"type":"Split","pattern":{"String":"l"},"behavior":"MergedWithNext"}""", """{"type":"Split","pattern":{"Regex":"[a-z&&[^aeiou]]|(?:x|y)*?|\\d{2,}"},"behavior":"Contiguous","invert":false}""", """{"type":"Split","pattern":" ","behavior":"Isolated"}""",
    ];

    static readonly string[] Decoders =
    [
        """{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}""", """{"type":"WordPiece","prefix":"##","cleanup":true}""", """{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""", """{"type":"Metaspace","replacement":"▁","prepend_scheme":"never"}""", """{"type":"Replace","pattern":{"String":"▁"},"content":" "}""",
        """{"type":"ByteFallback"}""", """{"type":"Fuse"}""", """{"type":"Strip","content":" ","start":1,"stop":0}""", """{"type":"BPEDecoder","suffix":"</w>"}""", """{"type":"BPEDecoder"}""", """{"type":"CTC","pad_token":"<pad>","word_delimiter_token":"|","cleanup":true}""", """{"type":"CTC","pad_token":"","word_delimiter_token":""}""",
    ];

    static readonly string[] Posts =
    [
        """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"</s>","type_id":0}}],"pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]},"</s>":{"id":"</s>","ids":[1,2],"tokens":["a","b"]}}}""",
        """{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A"}},{"Sequence":{"id":"A"}}]}""", """{"type":"TemplateProcessing","single":[{}]}""", """{"type":"TemplateProcessing","single":[]}""",
        """{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true}""", """{"type":"BertProcessing","sep":["[SEP]",1],"cls":["[CLS]",0]}""", """{"type":"RobertaProcessing","sep":["</s>",1],"cls":["<s>",0],"trim_offsets":true,"add_prefix_space":true}""", """{"type":"RobertaProcessing","sep":["</s>",999],"cls":["<s>",0]}""", """{"type":"Other"}""",
    ];

    const string AddedTokens = """[{"id":0,"content":"<s>","single_word":false,"lstrip":true,"rstrip":false,"normalized":false,"special":true},{"id":9,"content":"ll","single_word":true,"lstrip":false,"rstrip":true,"normalized":true,"special":false},{"id":30,"content":""},{"id":31,"content":"new"}]""";

    static FuzzSeed TokenizerSeed(Random random)
    {
        var json = new StringBuilder("{\"version\":\"1.0\",\"truncation\":null");
        if (random.Next(3) != 0) json.Append(",\"added_tokens\":").Append(random.Next(8) == 0 ? "[]" : AddedTokens);
        Add("normalizer", Normalizers, "normalizers");
        Add("pre_tokenizer", Pretokenizers, "pretokenizers");
        Add("post_processor", Posts, "processors");
        Add("decoder", Decoders, "decoders");
        if (random.Next(60) != 0) json.Append(",\"model\":").Append(Models[random.Next(Models.Length)]);
        json.Append('}');
        bool isChanged = random.Next(4) != 0;
        var bytes = isChanged ? JsonMutation.Apply(json.ToString(), random) : Encoding.UTF8.GetBytes(json.ToString());
        return new(random.Next(16) == 0 ? [0xEF, 0xBB, 0xBF, .. bytes] : bytes) { IsChanged = isChanged };

        void Add(string name, string[] steps, string list)
        {
            if (random.Next(6) == 0) return;
            json.Append($",\"{name}\":");
            string Step() => name switch
            {
                "normalizer" when random.Next(8) == 0 => $$"""{"type":"Precompiled","precompiled_charsmap":"{{Convert.ToBase64String(CharsMap(random))}}"}""",
                "pre_tokenizer" when random.Next(4) == 0 => new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = PatternSeed.New(random) }, ["behavior"] = "Isolated", ["invert"] = random.Next(2) == 0 }.ToJsonString(),
                _ => steps[random.Next(steps.Length)],
            };
            switch (random.Next(6))
            {
                case 0: json.Append("null"); break;
                case 1 or 2: json.Append($"{{\"type\":\"Sequence\",\"{list}\":[{string.Join(',', Enumerable.Range(0, random.Next(1, 4)).Select(_ => Step()))}]}}"); break;
                default: json.Append(Step()); break;
            }
        }
    }

    /// <summary>A table of replacements as SentencePiece compiles it: a, aa and ï are replaced, by texts of which the last may lie behind the end; sometimes with units that lead anywhere.</summary>
    static byte[] CharsMap(Random random)
    {
        if (random.Next(6) == 0) return [4, 0, 0, 0, 0, 1, 0, 0, (byte)'a', 0, 0];
        const uint Begin = 256, HasEnd = 256;
        var units = new uint[512];
        units[0] = Begin << 10;
        Put(Begin ^ 'a', 'a', HasEnd, next: 16);
        units[16] = 0;
        Put(16 ^ 'a', 'a', HasEnd, next: 24);
        units[24] = 3;
        Put(Begin ^ 0xC3, (char)0xC3, 0, next: 32);
        Put(32 ^ 0xAF, (char)0xAF, HasEnd, next: 40);
        units[40] = random.Next(4) == 0 ? 1000u : 5;
        for (int n = random.Next(3) == 0 ? random.Next(1, 20) : 0; n > 0; n--) units[random.Next(units.Length)] = (uint)random.NextInt64(1L << 32);
        if (random.Next(4) == 0) Put(Begin ^ 'l', 'l', HasEnd, next: 1000); // whose end would lie outside
        if (random.Next(4) == 0) Put(Begin ^ 'o', 'o', 0, next: 5000);
        if (random.Next(8) == 0) units[0] = 1 << 10 | 1 << 9;
        var table = new byte[4 + units.Length * 4];
        BinaryPrimitives.WriteInt32LittleEndian(table, random.Next(20) == 0 ? random.Next(5000) : units.Length * 4);
        for (int i = 0; i < units.Length; i++) BinaryPrimitives.WriteUInt32LittleEndian(table.AsSpan(4 + i * 4), units[i]);
        return [.. table, .. "bb\0c\0e"u8, .. random.Next(2) == 0 ? "\0"u8 : []];

        void Put(uint at, char label, uint flags, uint next) => units[at] = label | flags | (at ^ next) << 10;
    }
}
