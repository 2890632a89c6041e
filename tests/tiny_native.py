"""Random copies of native architectures, small enough for any test: real classes, real processors, saved to disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers as hf

TOKENS = {
    "image_token": "<|image_pad|>",
    "video_token": "<|video_pad|>",
    "audio_token": "<|AUDIO|>",
    "vision_bos_token": "<|vision_start|>",
    "vision_eos_token": "<|vision_end|>",
    "audio_bos_token": "<|audio_bos|>",
    "audio_eos_token": "<|audio_eos|>",
    "turn_token": "<|im_start|>",
}
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% for c in m.content %}"
    "{% if c.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif c.type == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif c.type == 'audio' %}<|audio_bos|><|AUDIO|><|audio_eos|>"
    "{% else %}{{ c.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [2, 1, 1]},
    "max_position_embeddings": 4096,
}
SEES = {
    "depth": 2,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_heads": 2,
    "out_hidden_size": 32,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
}
HEARS = {"d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 24, "num_mel_bins": 16}
SMALL = {"shortest_edge": 32 * 32, "longest_edge": 64 * 64}


def bytes_tokenizer() -> Any:
    """A real tokenizer of bytes, with the special tokens that processors ask theirs for."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    ends = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    return hf.PreTrainedTokenizerFast(tokenizer_object=plain, **ends, extra_special_tokens=TOKENS)


def build(name: str, folder: Path) -> Path:
    """A folder with a random model of architecture ``name``, its processor and its tokenizer."""
    tokenizer = bytes_tokenizer()
    ids = {f"{key}_id": tokenizer.convert_tokens_to_ids(token) for key, token in TOKENS.items()}
    text = TEXT | {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    ends = {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
    with torch.random.fork_rng():
        torch.manual_seed(5)
        model, processor = MAKERS[name](tokenizer, text | ends, ids)
        for weight in model.parameters():
            if weight.ndim > 1:  # as initialized, all logits would be about the same
                torch.nn.init.normal_(weight, std=0.15)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _qwen2_vl(tokenizer: Any, text: dict, ids: dict) -> tuple[Any, Any]:
    sees = {key: SEES[key] for key in ("depth", "num_heads", "spatial_merge_size", "temporal_patch_size")}
    config = hf.Qwen2VLConfig(
        text_config=text,
        vision_config=sees | {"embed_dim": 32, "hidden_size": 32, "mlp_ratio": 2, "patch_size": 14},
        image_token_id=ids["image_token_id"],
        video_token_id=ids["video_token_id"],
        vision_start_token_id=ids["vision_bos_token_id"],
        vision_end_token_id=ids["vision_eos_token_id"],
    )
    processor = hf.Qwen2VLProcessor(
        hf.Qwen2VLImageProcessor(size=SMALL),
        tokenizer,
        hf.Qwen2VLVideoProcessor(size=SMALL),
        chat_template=TEMPLATE,
    )
    return hf.Qwen2VLForConditionalGeneration(config), processor


def _qwen2_5_vl(tokenizer: Any, text: dict, ids: dict) -> tuple[Any, Any]:
    sees = SEES | {"window_size": 56, "fullatt_block_indexes": [1], "tokens_per_second": 2, "patch_size": 14}
    config = hf.Qwen2_5_VLConfig(
        text_config=text,
        vision_config=sees,
        image_token_id=ids["image_token_id"],
        video_token_id=ids["video_token_id"],
        vision_start_token_id=ids["vision_bos_token_id"],
    )
    processor = hf.Qwen2_5_VLProcessor(
        hf.Qwen2VLImageProcessor(size=SMALL),
        tokenizer,
        hf.Qwen2VLVideoProcessor(size=SMALL),
        chat_template=TEMPLATE,
    )
    return hf.Qwen2_5_VLForConditionalGeneration(config), processor


def _qwen3_vl(tokenizer: Any, text: dict, ids: dict) -> tuple[Any, Any]:
    sees = SEES | {"patch_size": 16, "deepstack_visual_indexes": [0, 1], "num_position_embeddings": 16}
    config = hf.Qwen3VLConfig(
        text_config=text,
        vision_config=sees,
        image_token_id=ids["image_token_id"],
        video_token_id=ids["video_token_id"],
        vision_start_token_id=ids["vision_bos_token_id"],
        vision_end_token_id=ids["vision_eos_token_id"],
    )
    size = SMALL | {"longest_edge": 5 * 64 * 64}  # of the whole video
    processor = hf.Qwen3VLProcessor(
        hf.Qwen2VLImageProcessor(size=SMALL, patch_size=16),
        tokenizer,
        hf.Qwen3VLVideoProcessor(size=size, patch_size=16),
        chat_template=TEMPLATE,
    )
    return hf.Qwen3VLForConditionalGeneration(config), processor


def _qwen2_audio(tokenizer: Any, text: dict, ids: dict) -> tuple[Any, Any]:
    hears = HEARS | {"max_source_positions": 1500}
    config = hf.Qwen2AudioConfig(
        text_config=plain(text) | {"model_type": "qwen2"}, audio_config=hears, audio_token_index=ids["audio_token_id"]
    )
    ear = hf.WhisperFeatureExtractor(feature_size=HEARS["num_mel_bins"])
    processor = hf.Qwen2AudioProcessor(ear, tokenizer, chat_template=TEMPLATE)
    return hf.Qwen2AudioForConditionalGeneration(config), processor


def _llava_onevision(tokenizer: Any, text: dict, ids: dict) -> tuple[Any, Any]:
    sees = {"model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    sees |= {"num_attention_heads": 2, "image_size": 32, "patch_size": 8, "vision_use_head": False}
    tiles = [[32, 32], [32, 64], [64, 32]]
    config = hf.LlavaOnevisionConfig(
        text_config=plain(text) | {"model_type": "qwen2"},
        vision_config=sees,
        image_token_index=ids["image_token_id"],
        video_token_index=ids["video_token_id"],
        image_grid_pinpoints=tiles,
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
    )
    size = {"height": 32, "width": 32}
    processor = hf.LlavaOnevisionProcessor(
        hf.LlavaOnevisionImageProcessor(size=size, image_grid_pinpoints=tiles),
        tokenizer,
        hf.LlavaOnevisionVideoProcessor(size=size),
        num_image_tokens=16,
        vision_feature_select_strategy="full",
        chat_template=TEMPLATE,
    )
    return hf.LlavaOnevisionForConditionalGeneration(config), processor


def _qwen2_5_omni(tokenizer: Any, text: dict, ids: dict) -> tuple[Any, Any]:
    sees = {key: value for key, value in SEES.items() if key != "out_hidden_size"}
    sees |= {"window_size": 56, "fullatt_block_indexes": [1], "patch_size": 14, "out_hidden_size": 32}
    hears = HEARS | {"output_dim": 32, "n_window": 50}
    thinker = {"text_config": text, "vision_config": sees, "audio_config": hears, **_omni_ids(ids)}
    config = hf.Qwen2_5OmniConfig(thinker_config=thinker, enable_audio_output=False)
    processor = hf.Qwen2_5OmniProcessor(
        hf.Qwen2VLImageProcessor(size=SMALL),
        hf.Qwen2VLVideoProcessor(size=SMALL),
        hf.WhisperFeatureExtractor(feature_size=HEARS["num_mel_bins"]),
        tokenizer,
        chat_template=TEMPLATE,
    )
    # The whole model, of which only the thinker is to be loaded; without its voice, as people save it for text.
    return hf.Qwen2_5OmniForConditionalGeneration(config), processor


def _qwen3_omni_moe(tokenizer: Any, text: dict, ids: dict) -> tuple[Any, Any]:
    sees = SEES | {"patch_size": 16, "deepstack_visual_indexes": [0, 1], "num_position_embeddings": 16}
    hears = HEARS | {"output_dim": 32, "n_window": 50, "downsample_hidden_size": 8, "n_window_infer": 100}
    text = text | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
    thinker = {"text_config": text, "vision_config": sees, "audio_config": hears, **_omni_ids(ids)}
    config = hf.Qwen3OmniMoeConfig(thinker_config=thinker, enable_audio_output=False)
    processor = hf.Qwen3OmniMoeProcessor(
        hf.Qwen2VLImageProcessor(size=SMALL, patch_size=16),
        hf.Qwen2VLVideoProcessor(size=SMALL, patch_size=16),
        hf.WhisperFeatureExtractor(feature_size=HEARS["num_mel_bins"]),
        tokenizer,
        chat_template=TEMPLATE,
    )
    return hf.Qwen3OmniMoeForConditionalGeneration(config), processor


def _omni_ids(ids: dict) -> dict:
    return {
        "image_token_id": ids["image_token_id"],
        "video_token_id": ids["video_token_id"],
        "audio_token_id": ids["audio_token_id"],
        "vision_start_token_id": ids["vision_bos_token_id"],
        "vision_end_token_id": ids["vision_eos_token_id"],
        "audio_start_token_id": ids["audio_bos_token_id"],
        "audio_end_token_id": ids["audio_eos_token_id"],
    }


def plain(text: dict) -> dict:
    """The same language model with one axis of positions."""
    return text | {"rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0}}


MAKERS: dict[str, Callable[[Any, dict, dict], tuple[Any, Any]]] = {
    "qwen2-vl": _qwen2_vl,
    "qwen2-5-vl": _qwen2_5_vl,
    "qwen2-audio": _qwen2_audio,
    "qwen2-5-omni": _qwen2_5_omni,
    "llava-onevision": _llava_onevision,
    "qwen3-vl": _qwen3_vl,
    "qwen3-omni-moe": _qwen3_omni_moe,
}
