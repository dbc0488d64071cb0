using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Ingot.Formats.Fuzzing;
using Ingot.Llm.Data;
using Ingot.Llm.Models.Families;
using Ingot.Llm.Tokenizers;
using Ingot.Llm.Tokenizers.Files;

namespace Ingot.Llm.Fuzzing;

/// <summary>The parsers of what comes beside a model's weights, and of training data.</summary>
public static class ModelTargets
{
    const string Name = "the input";

    /// <summary>What accepted tokenizers encode: words, digits, spaces, other scripts, an emoji, a special token, half a character.</summary>
    const string Text = "Hello  world 1234, it's naïve\tğış 東京 😀 <s>\ud83d aaaaaaaaaaaaaaaa";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("tokenizer.json", TokenizerSeed, bytes => Using(TokenizerFile.FromJson(bytes, Name))),
        new("sentencepiece", SentencePieceSeed, bytes => Using(TokenizerFile.FromSentencePiece(bytes, Name))),
        new("tiktoken", TiktokenSeed, bytes => Using(TokenizerFile.FromTiktoken(bytes, Name, TiktokenEncoding.Known[0]))),
        new("config.json", ConfigSeed, ParseConfig),
        new("gzip", GzipSeed, bytes => { _ = DataSource.Unzipped(Name, bytes, 2L * bytes.Length + (4 << 20)); return () => { }; }),
    ];

    static Action Using(Tokenizer tokenizer) => () => tokenizer.Decode(tokenizer.Encode(Text));

    static Action ParseConfig(byte[] bytes)
    {
        try
        {
            var json = new ConfigJson(JsonDocument.Parse(bytes, new() { MaxDepth = 64 }).RootElement, Name);
            _ = Family.Of(json).Read(json);
        }
        catch (JsonException e) { throw new FormatException($"{Name} is damaged: {e.Message}", e); } // as ModelFolder reads it
        return () => { };
    }

    static FuzzSeed TokenizerSeed(Random random)
    {
        string json = Tokenizers[random.Next(Tokenizers.Length)].Replace("STEP", Steps[random.Next(Steps.Length)], StringComparison.Ordinal)
            .Replace("SPLIT", Splits[random.Next(Splits.Length)], StringComparison.Ordinal).Replace("DECODE", Decoders[random.Next(Decoders.Length)], StringComparison.Ordinal).Replace("POST", Posts[random.Next(Posts.Length)], StringComparison.Ordinal);
        return random.Next(4) != 0 ? new(JsonMutation.Apply(json, random)) { IsChanged = true } : new(Encoding.UTF8.GetBytes(json));
    }

    static readonly string[] Steps =
    [
        "null", """{"type":"NFC"}""", """{"type":"Lowercase"}""", """{"type":"Sequence","normalizers":[{"type":"NFKD"},{"type":"StripAccents"},{"type":"Strip","strip_left":true,"strip_right":true}]}""",
        """{"type":"Prepend","prepend":"▁"}""", """{"type":"Replace","pattern":{"String":" "},"content":"▁"}""", """{"type":"Replace","pattern":{"Regex":"\\s+"},"content":" "}""",
        """{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":null,"lowercase":true}""", """{"type":"Precompiled","precompiled_charsmap":"AAQAAABAAAA="}""", """{"type":"ByteLevel"}""",
    ];

    static readonly string[] Splits =
    [
        "null", """{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}""", """{"type":"Whitespace"}""", """{"type":"WhitespaceSplit"}""", """{"type":"BertPreTokenizer"}""", """{"type":"Punctuation","behavior":"Isolated"}""",
        """{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""", """{"type":"Digits","individual_digits":true}""", """{"type":"CharDelimiterSplit","delimiter":"l"}""",
        """{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"(?i:'s|'t)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},"behavior":"Removed","invert":true},{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]}""",
        """{"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":false}""", """{"type":"Split","pattern":{"Regex":"[a-z&&[^aeiou]]|(?:x|y)*?|\\d{2,}"},"behavior":"Contiguous","invert":false}""", """{"type":"UnicodeScripts"}""",
    ];

    static readonly string[] Decoders =
    [
        "null", """{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true,"use_regex":true}""", """{"type":"WordPiece","prefix":"##","cleanup":true}""", """{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}""",
        """{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}""", """{"type":"BPEDecoder","suffix":"</w>"}""", """{"type":"CTC","pad_token":"<pad>","word_delimiter_token":"|","cleanup":true}""",
    ];

    static readonly string[] Posts =
    [
        "null", """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"pair":[],"special_tokens":{"<s>":{"id":"<s>","ids":[0],"tokens":["<s>"]}}}""",
        """{"type":"ByteLevel","add_prefix_space":true,"trim_offsets":false,"use_regex":true}""", """{"type":"BertProcessing","sep":["[SEP]",1],"cls":["[CLS]",0]}""", """{"type":"RobertaProcessing","sep":["</s>",1],"cls":["<s>",0],"trim_offsets":true,"add_prefix_space":true}""",
        """{"type":"Sequence","processors":[{"type":"ByteLevel"}]}""",
    ];

    const string Head = """{"version":"1.0","truncation":null,"padding":null,"added_tokens":[{"id":0,"content":"<s>","single_word":false,"lstrip":true,"rstrip":false,"normalized":false,"special":true},{"id":9,"content":"ll","single_word":true,"lstrip":false,"rstrip":true,"normalized":true,"special":false}],"normalizer":STEP,"pre_tokenizer":SPLIT,"post_processor":POST,"decoder":DECODE,"model":""";

    static readonly string[] Tokenizers =
    [
        Head + """{"type":"BPE","dropout":null,"unk_token":"<s>","continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":true,"byte_fallback":false,"ignore_merges":false,"vocab":{"<s>":0,"h":1,"e":2,"l":3,"o":4,"w":5,"he":6,"ll":7,"hell":8,"Ġ":9,"Ġw":10},"merges":["h e","l l",["he","ll"],"Ġ w"]}}""",
        Head + """{"type":"BPE","unk_token":"<unk>","fuse_unk":true,"byte_fallback":true,"vocab":{"<unk>":0,"<0x0A>":1,"<0xC4>":2,"▁":3,"a":4,"aa":5,"▁a":6},"merges":["a a","▁ a"]}}""",
        Head + """{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[UNK]":0,"[CLS]":1,"[SEP]":2,"hello":3,"wor":4,"##ld":5,"it":6,"'":7,"s":8}}}""",
        Head + """{"type":"Unigram","unk_id":0,"byte_fallback":false,"vocab":[["<unk>",0.0],["<s>",0.0],["▁",-2.0],["▁hello",-3.5],["world",-4.0],["a",-1.5],["aa",-2.5],["l",-3.0]]}}""",
        Head + """{"type":"WordLevel","vocab":{"Hello":0,"world":1,"[UNK]":2},"unk_token":"[UNK]"}}""",
    ];

    /// <summary>A SentencePiece model, message by message; contents are short enough for lengths of one byte, which can be kept true.</summary>
    static FuzzSeed SentencePieceSeed(Random random)
    {
        var bytes = new List<byte>();
        var lengths = new List<LengthField>();
        string[] pieces = ["<unk>", "<s>", "</s>", "▁", "▁hello", "world", "a", "aa", "l", "ll", "<0x41>", "東", "<user>"];
        int[] kinds = [2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 6, 1, 4];
        for (int i = 0; i < pieces.Length; i++)
            if (i < 3 || random.Next(4) != 0) Message(1, () => { Bytes(1, Encoding.UTF8.GetBytes(pieces[i])); Float(2, -i); if (kinds[i] != 1) Number(3, kinds[i]); });
        Message(2, () => { Number(3, random.Next(1, 5)); Number(35, random.Next(2)); Number(24, random.Next(2)); Number(40, 0); Number(41, 1); Number(42, random.Next(4) - 1); Bytes(44, " \u2047 "u8.ToArray()); });
        Message(3, () => { Bytes(1, "identity"u8.ToArray()); if (random.Next(2) == 0) Bytes(2, [4, 0, 0, 0, 0, 1, 0, 0, (byte)'a', 0, 0]); Number(3, random.Next(2)); Number(4, random.Next(2)); Number(5, random.Next(2)); });
        return new([.. bytes], lengths);

        void Varint(ulong v)
        {
            for (; v > 127; v >>= 7) bytes.Add((byte)(v | 128));
            bytes.Add((byte)v);
        }
        void Number(int field, int value) { Varint((ulong)field << 3); Varint((ulong)(long)value); }
        void Float(int field, float value) { Varint((ulong)field << 3 | 5); bytes.AddRange(BitConverter.GetBytes(value)); }
        void Bytes(int field, byte[] value) => Message(field, () => bytes.AddRange(value));
        void Message(int field, Action content)
        {
            Varint((ulong)field << 3 | 2);
            int at = bytes.Count;
            bytes.Add(0);
            content();
            int length = bytes.Count - at - 1;
            bytes[at] = (byte)length;
            lengths.Add(new(at, 1, at + 1, length));
        }
    }

    static FuzzSeed TiktokenSeed(Random random)
    {
        var text = new StringBuilder();
        int rank = 0;
        for (int b = 0; b < 256; b++) text.Append($"{Convert.ToBase64String([(byte)b])} {rank++}\n");
        foreach (string token in new[] { "he", "ll", "hell", " w", "or", "aa", "aaaa" }) text.Append($"{Convert.ToBase64String(Encoding.UTF8.GetBytes(token))} {rank++}\n");
        return new(Encoding.UTF8.GetBytes(random.Next(8) == 0 ? text.ToString().Replace("\n", "\r\n", StringComparison.Ordinal) : text.ToString()));
    }

    static FuzzSeed ConfigSeed(Random random)
    {
        string rope = random.Next(4) switch
        {
            0 => "null",
            1 => """{"type":"linear","factor":2.0}""",
            2 => """{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192}""",
            _ => """{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":32768}""",
        };
        (string Architecture, string Type) = random.Next(9) switch
        {
            0 => ("MistralForCausalLM", "mistral"),
            1 => ("Qwen2ForCausalLM", "qwen2"),
            2 => ("Qwen3ForCausalLM", "qwen3"),
            3 => ("Gemma3ForCausalLM", "gemma3_text"),
            4 => ("Phi3ForCausalLM", "phi3"),
            5 => ("GPT2LMHeadModel", "gpt2"),
            6 => ("SmolLM3ForCausalLM", "smollm3"),
            _ => ("LlamaForCausalLM", "llama"),
        };
        string json = $$"""
            {"architectures":["{{Architecture}}"],"model_type":"{{Type}}","hidden_size":64,"intermediate_size":172,"num_hidden_layers":4,"num_attention_heads":8,"num_key_value_heads":4,"head_dim":8,
            "vocab_size":512,"max_position_embeddings":512,"rms_norm_eps":1e-5,"rope_theta":10000.0,"rope_scaling":{{rope}},"tie_word_embeddings":true,"hidden_act":"silu","bos_token_id":1,"eos_token_id":[2,3],
            "sliding_window":128,"layer_types":["full_attention","sliding_attention","full_attention","full_attention"],"attention_bias":false,"mlp_bias":false,"query_pre_attn_scalar":64,"hidden_activation":"gelu_pytorch_tanh",
            "n_embd":64,"n_layer":4,"n_head":8,"n_positions":512,"n_ctx":512,"layer_norm_epsilon":1e-5,"activation_function":"gelu_new","partial_rotary_factor":0.5,"rope_local_base_freq":10000,"use_sliding_window":false,"no_rope_layers":[1,1,1,0]}
            """;
        return random.Next(4) != 0 ? new(JsonMutation.Apply(json, random)) { IsChanged = true } : new(Encoding.UTF8.GetBytes(json));
    }

    static FuzzSeed GzipSeed(Random random)
    {
        var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            zip.Write(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("A line of text.\n", random.Next(200)))));
            if (random.Next(100) == 0) zip.Write(new byte[8 << 20]); // unpacks to more than the limit
        }
        return new(random.Next(4) == 0 ? [.. packed.ToArray(), .. packed.ToArray()] : packed.ToArray()); // members may follow one another
    }
}
