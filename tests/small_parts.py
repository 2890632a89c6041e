"""Small random copies of published architectures, saved as their publishers save them: weights and preprocessing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

SMALL = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 48}
PICTURE = SMALL | {"image_size": 32, "patch_size": 16}


def _saved(folder: Path, model: Any, processor: Any) -> Path:
    with torch.no_grad():  # norms that are born as ones and zeros would hide their absence
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _speech(kind: str, folder: Path) -> Path:
    import transformers

    name = {"hubert": "Hubert", "wavlm": "WavLM", "wav2vec2": "Wav2Vec2"}[kind]
    # The published strides, 320 samples a state, and normalization before each layer as the large ones have it.
    config = getattr(transformers, f"{name}Config")(
        **SMALL,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        do_stable_layer_norm=True,
        feat_extract_norm="layer",
    )
    model = getattr(transformers, f"{name}Model")(config)
    return _saved(folder, model, transformers.Wav2Vec2FeatureExtractor(do_normalize=True))


def _whisper(folder: Path) -> Path:
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

    sizes = {"encoder_layers": 2, "decoder_layers": 1, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    ids = {"vocab_size": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    config = WhisperConfig(d_model=32, encoder_ffn_dim=48, decoder_ffn_dim=48, num_mel_bins=80, **sizes, **ids)
    return _saved(folder, WhisperModel(config), WhisperFeatureExtractor())


def _clip(folder: Path) -> Path:
    """Both halves, as OpenAI published them."""
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

    text = SMALL | {"vocab_size": 64, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}
    config = CLIPConfig(text_config=text, vision_config=PICTURE | {"projection_dim": 24}, projection_dim=24)
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return _saved(folder, CLIPModel(config), processor)


def _siglip(folder: Path) -> Path:
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel

    config = SiglipConfig(text_config=SMALL | {"vocab_size": 64}, vision_config=PICTURE)
    return _saved(folder, SiglipModel(config), SiglipImageProcessor(size={"height": 32, "width": 32}))


def _dinov2(folder: Path) -> Path:
    from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

    processor = BitImageProcessor(size={"shortest_edge": 36}, crop_size={"height": 32, "width": 32})
    sizes = {k: v for k, v in PICTURE.items() if k != "intermediate_size"}
    return _saved(folder, Dinov2Model(Dinov2Config(**sizes)), processor)


def _videomae(folder: Path) -> Path:
    """With its decoder, as the pretrained ones are published."""
    from transformers import VideoMAEConfig, VideoMAEForPreTraining, VideoMAEImageProcessor

    decoder = {"decoder_hidden_size": 16, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2}
    config = VideoMAEConfig(**PICTURE, num_frames=8, decoder_intermediate_size=16, use_mean_pooling=False, **decoder)
    processor = VideoMAEImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return _saved(folder, VideoMAEForPreTraining(config), processor)


def _mae(folder: Path) -> Path:
    from transformers import ViTImageProcessor, ViTMAEConfig, ViTMAEForPreTraining

    decoder = {"decoder_hidden_size": 16, "decoder_num_hidden_layers": 1, "decoder_num_attention_heads": 2}
    config = ViTMAEConfig(**PICTURE, decoder_intermediate_size=16, **decoder)
    return _saved(folder, ViTMAEForPreTraining(config), ViTImageProcessor(size={"height": 32, "width": 32}))


def words_tokenizer(**options: Any) -> Any:
    """A real tokenizer of letters and a few words that puts ``[CLS]`` before a text and ``[SEP]`` behind it."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    letters = "abcdefghijklmnopqrstuvwxyz'.!?"
    words = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", *letters, *(f"##{a}" for a in letters), "so", "good", "##ly"]
    plain = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    plain.normalizer = normalizers.BertNormalizer()
    plain.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    plain.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    marks = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    return PreTrainedTokenizerFast(tokenizer_object=plain, mask_token="[MASK]", **marks | options)


def _words(kind: str, head: str, folder: Path) -> Path:
    """With a head and without the pooler, as those trained on masked words are published."""
    import transformers

    tokenizer = words_tokenizer()
    more = {"embedding_size": 16} if kind == "Electra" else {}
    # RoBERTa and MPNet count positions from behind the padding's number.
    places = {"max_position_embeddings": 24 + (kind in ("Roberta", "XLMRoberta", "MPNet")), "pad_token_id": 0}
    ends = {"bos_token_id": 1, "eos_token_id": 2}
    config = getattr(transformers, f"{kind}Config")(vocab_size=len(tokenizer), **SMALL, **places, **ends, **more)
    return _saved(folder, getattr(transformers, f"{kind}{head}")(config), tokenizer)


MAKERS: dict[str, Callable[[Path], Path]] = {
    "hubert": lambda folder: _speech("hubert", folder),
    "wavlm": lambda folder: _speech("wavlm", folder),
    "wav2vec2": lambda folder: _speech("wav2vec2", folder),
    "whisper": _whisper,
    "clip-vit": _clip,
    "siglip": _siglip,
    "dinov2": _dinov2,
    "videomae": _videomae,
    "mae": _mae,
    "bert": lambda folder: _words("Bert", "ForPreTraining", folder),
    "roberta": lambda folder: _words("Roberta", "ForMaskedLM", folder),
    "xlm-roberta": lambda folder: _words("XLMRoberta", "Model", folder),
    "mpnet": lambda folder: _words("MPNet", "ForMaskedLM", folder),
    "electra": lambda folder: _words("Electra", "ForPreTraining", folder),
    "deberta": lambda folder: _words("Deberta", "ForMaskedLM", folder),
    "deberta-v2": lambda folder: _words("DebertaV2", "ForMaskedLM", folder),
}


def make(encoder: str, folder: Path) -> Path:
    """A small random copy of what an encoder of that name reads; the same every time."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return MAKERS[encoder](folder)


PLAIN = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
)
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system turn') }}{% endif %}" + PLAIN
"""Gemma's first templates refuse a system turn."""

BACKBONES: dict[str, dict[str, Any]] = {
    "qwen2.5": {"kind": "Qwen2"},
    "qwen2-windows": {
        "kind": "Qwen2",
        "use_sliding_window": True,
        "sliding_window": 7,
        "layer_types": ["full_attention", "sliding_attention"],
    },
    "mistral-windows": {"kind": "Mistral", "sliding_window": 7},
    "qwen3": {"kind": "Qwen3", "head_dim": 16},
    "llama2": {"kind": "Llama", "num_key_value_heads": 4, "tie_word_embeddings": False},
    "llama3": {
        "kind": "Llama",
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 500000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    },
    "smollm": {"kind": "Llama"},
    "gemma": {"kind": "Gemma", "head_dim": 16},
    "gemma2": {"kind": "Gemma2", "head_dim": 16, "sliding_window": 7, "query_pre_attn_scalar": 16},
    "gemma3": {
        "kind": "Gemma3Text",
        "model": "Gemma3",
        "head_dim": 16,
        "query_pre_attn_scalar": 16,
        "sliding_window": 7,
        "layer_types": ["sliding_attention", "full_attention"],
    },
}
"""Small copies of language models: their configuration where it is not the common one. Windows of seven tokens, so that
any prefix is longer."""


def make_backbone(name: str, tokenizer_from: Path, folder: Path) -> Path:
    """A small random language model of that build, with the tokenizer of another folder."""
    import transformers

    own = dict(BACKBONES[name])
    kind = own.pop("kind")
    model = own.pop("model", kind)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tokenizer_from)
    tokenizer.chat_template = NO_SYSTEM if model.startswith("Gemma") else PLAIN
    common = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "initializer_range": 0.15,
        "tie_word_embeddings": True,
        "pad_token_id": tokenizer.eos_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    with torch.random.fork_rng():
        torch.manual_seed(5)
        config = getattr(transformers, f"{kind}Config")(**common | own)
        getattr(transformers, f"{model}ForCausalLM")(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
