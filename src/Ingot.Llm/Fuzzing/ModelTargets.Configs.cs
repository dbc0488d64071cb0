using System.Text;
using System.Text.Json.Nodes;
using Ingot.Formats;
using Ingot.Formats.Fuzzing;
using Ingot.Runtime;

namespace Ingot.Llm.Fuzzing;

// What fuzzing of config.json and of the metadata of GGUF models begins from: fields of all families, each there or not.
public static partial class ModelTargets
{
    static readonly (string Architecture, string Type)[] Architectures =
    [
        ("LlamaForCausalLM", "llama"), ("MistralForCausalLM", "mistral"), ("Qwen2ForCausalLM", "qwen2"), ("Qwen3ForCausalLM", "qwen3"), ("Gemma3ForCausalLM", "gemma3_text"), ("Gemma3ForConditionalGeneration", "gemma3"), ("Phi3ForCausalLM", "phi3"), ("GPT2LMHeadModel", "gpt2"), ("SmolLM3ForCausalLM", "smollm3"), ("IngotForCausalLM", "ingot"),
        ("OtherForCausalLM", "other"),
    ];

    static readonly string[] Ropes =
    [
        "null", """{"rope_type":"default"}""", """{"type":"linear","factor":2.0}""", """{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192}""", """{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":32768}""",
        """{"rope_type":"yarn","factor":4.0,"mscale":1.0,"mscale_all_dim":0.5,"beta_fast":16,"truncate":true}""", """{"rope_type":"yarn","mscale":1.0,"truncate":false}""", """{"type":"longrope","short_factor":[1,1,1,1],"long_factor":[2,3,4,5],"original_max_position_embeddings":128}""", """{"type":"su","short_factor":[1],"long_factor":[2],"attention_factor":1.5,"factor":1}""", """{"type":"longrope"}""", """{"rope_type":"other"}""",
        """{"full_attention":{"rope_type":"linear","factor":2.0,"rope_theta":500000.0},"sliding_attention":{"rope_theta":10000.0}}""", """{"rope_type":"default","rope_theta":500000.0,"partial_rotary_factor":0.25}""",
    ];

    const string ConfigFields = """
        {"hidden_size":64,"intermediate_size":172,"num_hidden_layers":4,"num_attention_heads":8,"num_key_value_heads":4,"head_dim":8,"vocab_size":512,"max_position_embeddings":512,"rms_norm_eps":1e-5,"rope_theta":10000.0,
        "tie_word_embeddings":true,"bos_token_id":1,"eos_token_id":[2,3],"sliding_window":128,"attention_bias":false,"mlp_bias":false,"query_pre_attn_scalar":64,"n_embd":64,"n_layer":4,"n_head":8,"n_positions":512,"n_ctx":512,"n_inner":256,"layer_norm_epsilon":1e-5,"partial_rotary_factor":0.5,
        "rope_local_base_freq":10000,"use_sliding_window":false,"max_window_layers":2,"no_rope_layers":[1,1,1,0],"no_rope_layer_interval":2,"sliding_window_pattern":2,"original_max_position_embeddings":256,"qk_norm":true}
        """;

    /// <summary>Fields that are seldom there: most say something of which Ingot has only one kind, or none.</summary>
    static readonly (string Name, string[] Values)[] SeldomFields =
    [
        ("hidden_act", ["\"silu\"", "\"swish\"", "\"gelu_pytorch_tanh\"", "\"relu\""]), ("hidden_activation", ["\"gelu_pytorch_tanh\"", "\"gelu_tanh\"", "\"gelu\""]), ("activation_function", ["\"gelu_new\"", "\"gelu_pytorch_tanh\"", "\"relu\""]), ("scale_attn_weights", ["true", "false"]), ("scale_attn_by_inverse_layer_idx", ["false", "true"]),
        ("use_sliding_window", ["true"]), ("layer_types", ["[\"full_attention\",\"sliding_attention\",\"full_attention\",\"full_attention\"]", "[\"full_attention\",\"full_attention\",\"full_attention\",\"full_attention\"]", "[\"other\",\"other\",\"other\",\"other\"]", "[\"full_attention\"]", "[]", "[1]"]),
        ("final_logit_softcapping", ["30.0", "0", "null"]), ("attn_logit_softcapping", ["50.0", "0", "null", "\"a\"", "[]", "[1]", "true", "false", "1e999"]), ("use_bidirectional_attention", ["true", "false"]), ("num_experts", ["8", "0"]), ("is_encoder_decoder", ["true", "false"]), ("alibi", ["true", "false"]), ("vision_config", ["{}"]),
        ("norm", ["\"rms\"", "\"layer\"", "\"other\""]), ("feed_forward", ["\"swiglu\"", "\"relu2\"", "\"gelu\"", "\"other\""]), ("logit_cap", ["15"]), ("head_dim", ["24"]), ("num_hidden_layers", ["2147483647", "10001"]), ("hidden_size", ["65"]), ("n_embd", ["65"]), ("bos_token_id", ["[]", "null"]), ("eos_token_id", ["2"]), ("query_pre_attn_scalar", ["8"]),
    ];

    static FuzzSeed ConfigSeed(Random random)
    {
        var json = JsonNode.Parse(ConfigFields)!.AsObject();
        foreach (string name in json.Select(p => p.Key).ToList())
            if (random.Next(12) == 0) json.Remove(name);
        for (int n = random.Next(4); n > 0; n--)
        {
            var (name, values) = SeldomFields[random.Next(SeldomFields.Length)];
            json[name] = Node(values[random.Next(values.Length)]);
        }
        json[random.Next(3) == 0 ? "rope_parameters" : "rope_scaling"] = JsonNode.Parse(Ropes[random.Next(Ropes.Length)]);
        var (architecture, type) = Architectures[random.Next(Architectures.Length)];
        if (architecture == "Gemma3ForConditionalGeneration" && random.Next(4) != 0) json = new() { ["text_config"] = json };
        if (random.Next(4) != 0) json["architectures"] = new JsonArray(architecture);
        if (random.Next(8) != 0) json["model_type"] = type;
        return random.Next(2) != 0 ? new(JsonMutation.Apply(json.ToJsonString(), random)) { IsChanged = true } : new(Encoding.UTF8.GetBytes(json.ToJsonString()));

        static JsonNode? Node(string text) => text == "1e999" ? JsonNode.Parse("[1e999]")![0]!.DeepClone() : JsonNode.Parse(text);
    }

    static readonly string[] GgufArchitectures = ["llama", "qwen2", "qwen3", "gemma3", "phi3", "gpt2", "smollm3", "other"];

    static readonly string[] GgufSplitNames =
    [
        "default", "gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "mpt", "olmo", "jais", "trillion", "granite-docling", "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "dbrx", "smaug-bpe", "glm4", "chatglm-bpe", "megrez", "qwen2", "stablelm2", "hunyuan", "solar-open",
        "deepseek-r1-qwen", "gpt-4o", "llama4", "kanana2", "starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "falcon", "tekken", "deepseek-coder", "deepseek-v3", "hunyuan-dense", "other",
    ];

    /// <summary>A file of metadata and a few tensors; what is wrong with it is wrong in a value, so that the file itself is read.</summary>
    static FuzzSeed GgufModelSeed(Random random)
    {
        var keys = new Dictionary<string, object>();
        string architecture = GgufArchitectures[random.Next(GgufArchitectures.Length)];
        int layers = architecture == "gemma3" && random.Next(4) == 0 ? 62 : random.Next(1, 8);
        foreach (var (key, value) in new (string, object)[]
        {
            ("context_length", 512u), ("embedding_length", 64u), ("block_count", (uint)layers), ("feed_forward_length", 96u), ("attention.head_count", 4u), ("attention.head_count_kv", 2u), ("attention.key_length", 16u), ("attention.value_length", 16u), ("attention.layer_norm_rms_epsilon", 1e-5f), ("rope.dimension_count", 16u), ("rope.freq_base", 10000f),
        })
            if (random.Next(12) != 0) keys[$"{architecture}.{key}"] = value;
        (string, object)[] seldom =
        [
            ("attention.layer_norm_epsilon", 1e-5f), ("attention.sliding_window", 128u), ("rope.scaling.type", "linear"), ("rope.scaling.type", "yarn"), ("rope.scaling.type", "none"), ("rope.scaling.type", "longrope"), ("rope.scaling.type", "other"), ("rope.scaling.factor", 2f), ("rope.scale_linear", 4f), ("rope.scaling.original_context_length", 256u), ("rope.scaling.attn_factor", 1.5f),
            ("rope.scaling.yarn_beta_fast", 16f), ("expert_count", 8u), ("expert_count", 0u), ("ssm.state_size", "a"), ("attention.head_count_kv", new[] { 2u, 2u }), ("feed_forward_length", new[] { 96, 96, 128 }), ("block_count", 4_000_000_000u), ("block_count", ulong.MaxValue), ("embedding_length", -1), ("embedding_length", 65u), ("final_logit_softcapping", 30f), ("final_logit_softcapping", 0f),
            ("rope.freq_base_swa", 20000f), ("rope.freq_base", float.NaN), ("attention.value_length", 8u), ("rope.dimension_count", 8u), ("context_length", "512"), ("attention.head_count", 3u), ("attn_logit_softcapping", true),
        ];
        for (int n = random.Next(3); n > 0; n--)
        {
            var (key, value) = seldom[random.Next(seldom.Length)];
            keys[$"{architecture}.{key}"] = value;
        }
        AddTokenizer(keys, random);
        foreach (var (key, value) in new (string, object)[] { ("temp", 0.7f), ("top_k", 40), ("top_k", -1L), ("top_p", 0.9f), ("min_p", 0.05f), ("penalty_repeat", 1.1f), ("temp", float.NaN), ("top_k", long.MaxValue) })
            if (random.Next(6) == 0) keys["general.sampling." + key] = value;
        if (random.Next(3) == 0) keys["tokenizer.chat_template"] = "{{ messages }}";
        var names = keys.Keys.ToList();
        for (int n = random.Next(3); n > 0; n--) // values of others
        {
            string key = names[random.Next(names.Count)];
            if (random.Next(3) == 0) keys.Remove(key);
            else if (keys.TryGetValue(names[random.Next(names.Count)], out var other)) keys[key] = other;
        }
        var writer = new GgufWriter();
        if (random.Next(40) != 0) writer.Set("general.architecture", architecture);
        foreach (var (key, value) in keys) writer.Set(key, value);
        AddTensors(writer, random, layers);
        var stream = new MemoryStream();
        writer.Write(stream);
        return new(stream.ToArray()) { IsChanged = random.Next(8) != 0 };
    }

    static void AddTokenizer(Dictionary<string, object> keys, Random random)
    {
        const string Key = "tokenizer.ggml.";
        string model = random.GetItems(["llama", "gpt2", "bert", "t5", "no_vocab", "other"], 1)[0];
        if (random.Next(8) == 0) return;
        keys[Key + "model"] = model;
        List<string> tokens = model switch
        {
            "gpt2" => ["h", "e", "l", "o", "Ġ", "he", "ll", "hell", "Ġw", "w", "<|im_end|>", ""],
            "bert" => ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁hello", "▁wor", "ld", "it", "'"],
            _ => ["<unk>", "<s>", "</s>", "▁", "▁hello", "world", "a", "aa", "l", "ll", "<user>", ""],
        };
        if (model != "gpt2" && random.Next(4) == 0) tokens.AddRange(Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>"));
        if (random.Next(6) != 0) tokens.Remove("");
        if (random.Next(20) != 0) keys[Key + "tokens"] = random.Next(30) == 0 ? Array.Empty<string>() : tokens.ToArray();
        if (random.Next(8) != 0) keys[Key + "scores"] = tokens.Select((_, i) => (float)-i).Take(random.Next(20) == 0 ? 2 : int.MaxValue).ToArray();
        if (random.Next(3) != 0) keys[Key + "token_type"] = tokens.Select((t, i) => t.StartsWith("<0x", StringComparison.Ordinal) ? 6 : i == 0 ? 2 : t.StartsWith('<') ? t == "<user>" ? 4 : 3 : random.Next(30) == 0 ? random.Next(9) : 1).ToArray();
        if (random.Next(8) != 0) keys[Key + "merges"] = random.Next(12) == 0 ? ["h x"] : random.Next(12) == 0 ? ["he"] : new[] { "h e", "l l", "he ll", "Ġ w" };
        if (random.Next(4) != 0) keys[Key + "pre"] = Misspelt(GgufSplitNames[random.Next(GgufSplitNames.Length)], random);
        foreach (string id in (string[])["bos", "eos", "eot", "eom", "seperator", "unknown"])
            if (random.Next(2) == 0) keys[$"{Key}{id}_token_id"] = random.Next(12) == 0 ? 99_999u : (uint)random.Next(tokens.Count);
        foreach (string flag in (string[])["add_bos_token", "add_eos_token", "add_space_prefix", "remove_extra_whitespaces"])
            if (random.Next(2) == 0) keys[Key + flag] = random.Next(2) == 0;
        if (random.Next(4) == 0) keys[Key + "precompiled_charsmap"] = random.Next(6) == 0 ? Array.Empty<byte>() : CharsMap(random);
    }

    /// <summary>Now and then with another letter somewhere: names are told apart by length and letters.</summary>
    static string Misspelt(string name, Random random)
    {
        if (random.Next(3) != 0) return name;
        int at = random.Next(name.Length);
        return name[..at] + (char)random.Next('!', '~') + name[(at + 1)..];
    }

    static void AddTensors(GgufWriter writer, Random random, int layers)
    {
        if (random.Next(20) != 0) Add("token_embd.weight", 64, 12);
        if (random.Next(2) == 0) Add("output.weight", 64, 12);
        Add("output_norm.weight", 64);
        if (random.Next(4) == 0) Add("rope_freqs.weight", 8);
        if (random.Next(4) == 0) Add("rope_factors_short.weight", 8);
        if (random.Next(4) == 0) Add("rope_factors_long.weight", 8);
        foreach (var name in (string[])["attn_norm.weight", "attn_q.weight", "attn_k.weight", "attn_v.weight", "attn_qkv.weight", "attn_qkv.bias", "attn_q.bias", "attn_output.weight", "attn_output.bias", "attn_q_norm.weight", "ffn_norm.weight", "ffn_gate.weight", "ffn_up.weight", "ffn_up.bias", "ffn_down.weight", "post_ffw_norm.weight", "other.weight"])
            if (random.Next(4) == 0) Add($"blk.{random.Next(layers)}.{name}", name.EndsWith("norm.weight", StringComparison.Ordinal) || name.EndsWith("bias", StringComparison.Ordinal) ? [64] : random.Next(2) == 0 ? [64, 64] : [128, 64]);

        void Add(string name, params int[] dims)
        {
            var type = random.Next(6) == 0 && dims[^1] % 32 == 0 ? GgmlType.Q8_0 : random.Next(4) == 0 ? GgmlType.F16 : GgmlType.F32;
            var shape = new Shape([.. Enumerable.Reverse(dims)]);
            if (type.IsQuantized && shape[^1] % 32 != 0) type = GgmlType.F32;
            writer.Add(name, type, shape, () =>
            {
                var bytes = new byte[type.BytesOf(shape.Count)];
                if (name.StartsWith("rope", StringComparison.Ordinal) && type == GgmlType.F32)
                    for (int i = 0; i < bytes.Length; i += 4) BitConverter.TryWriteBytes(bytes.AsSpan(i), 1f + i % 3);
                return Storage.Of<byte>(bytes);
            });
        }
    }
}
