"""Very small diffusers pipelines with random weights, one for each family that runs as such."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

WORDS = "a red fox blurry in the snow with fire on and of"
NAMES = Path(__file__).parents[2] / "pipelines" / "configs" / "clip_tokenizer"
WIDTH = 32


def write(path: Path, name: str) -> Path:
    """The family's tiny pipeline as a diffusers folder."""
    torch.manual_seed(0)
    pipe = PIPELINES[name]()
    for part in pipe.components.values():
        if isinstance(part, torch.nn.Module):
            _scaled(part)
    pipe.save_pretrained(path)
    return path


def _scaled(module: torch.nn.Module) -> None:
    """Some parameters are made without values; and a last layer of zeros would make every network silent."""
    with torch.no_grad():
        for key, value in module.named_parameters():
            if not bool(torch.isfinite(value).all()) or bool((value == 0).all()) or "pad_token" in key:
                value.copy_(torch.randn(value.shape) * 0.05)
    module.eval()


def kl(channels: int = 16, shift: float | None = 0.1, cls: str = "AutoencoderKL", **more: Any) -> Any:
    import diffusers

    settings = {} if cls != "AutoencoderKL" else {"scaling_factor": 0.4, "shift_factor": shift}
    return getattr(diffusers, cls)(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=channels,
        use_quant_conv=False,
        use_post_quant_conv=False,
        **settings,
        **more,
    )


def clip(projected: bool = False, length: int = 77) -> tuple[Any, Any]:
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    config = CLIPTextConfig(
        hidden_size=WIDTH,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        projection_dim=WIDTH,
        max_position_embeddings=length,
        eos_token_id=49407,
    )
    tokenizer = CLIPTokenizer(str(NAMES / "vocab.json"), str(NAMES / "merges.txt"), model_max_length=77)
    return (CLIPTextModelWithProjection if projected else CLIPTextModel)(config), tokenizer


def t5(umt5: bool = False) -> tuple[Any, Any]:
    from transformers import T5Config, T5EncoderModel, T5Tokenizer, UMT5Config, UMT5EncoderModel

    letters = [(letter, -3.0) for letter in "▁abcdefghijklmnopqrstuvwxyz"]
    vocabulary = [
        ("<pad>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        *letters,
        *[(f"▁{word}", -2.0) for word in WORDS.split()],
    ]
    tokenizer = T5Tokenizer(vocab=vocabulary, extra_ids=0)
    sizes = {"vocab_size": 64, "d_model": WIDTH, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 4}
    sizes |= {"feed_forward_proj": "gated-gelu", "dropout_rate": 0.0}
    if umt5:
        return UMT5EncoderModel(UMT5Config(**sizes)), tokenizer
    return T5EncoderModel(T5Config(**sizes)), tokenizer


CHAT = (
    "{% for m in messages %}{% if m.content is string %}{{ m.content }}"
    "{% else %}{% for c in m.content %}{{ c.text }}{% endfor %}{% endif %}{% endfor %}"
)


def words(cls: str = "Qwen2Tokenizer") -> Any:
    """A tokenizer of letters."""
    import transformers

    special = ["<unk>", "<bos>", "<eos>", "<pad>", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|image_pad|>"]
    special += ["<|vision_start|>", "<|vision_end|>", "<mask>", "<|video_pad|>"]
    letters = [chr(code) for code in range(33, 127)] + ["Ġ", "Ċ", "▁"]
    vocabulary = {token: place for place, token in enumerate([*special, *letters])}
    return getattr(transformers, cls)(
        vocab=vocabulary, merges=[], chat_template=CHAT, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )


LANGUAGE = {
    "vocab_size": 160,
    "hidden_size": WIDTH,
    "intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 4096,
    "pad_token_id": 3,
}


def flow(**more: Any) -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(**more)


def sd3() -> Any:
    from diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline

    one, names = clip(projected=True)
    two, _ = clip(projected=True)
    three, letters = t5()
    transformer = SD3Transformer2DModel(
        sample_size=32,
        patch_size=2,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=64,
        caption_projection_dim=32,
        pooled_projection_dim=64,
        pos_embed_max_size=32,
        dual_attention_layers=(0,),
        qk_norm="rms_norm",
    )
    # The two CLIPs stand side by side, and both are as wide as the third together.
    from transformers import T5Config, T5EncoderModel

    sizes = three.config.to_dict() | {"d_model": 64}
    three = T5EncoderModel(T5Config(**sizes))
    return StableDiffusion3Pipeline(transformer, flow(shift=3.0), kl(), one, names, two, names, three, letters)


def flux_transformer(inputs: int = 64, guidance: bool = True) -> Any:
    from diffusers import FluxTransformer2DModel

    return FluxTransformer2DModel(
        in_channels=inputs,
        out_channels=64,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        pooled_projection_dim=WIDTH,
        guidance_embeds=guidance,
        axes_dims_rope=(4, 4, 8),
    )


def flux(cls: str = "FluxPipeline", inputs: int = 64, guidance: bool = True) -> Any:
    import diffusers

    one, names = clip()
    two, letters = t5()
    transformer = flux_transformer(inputs, guidance)
    dynamic = flow(use_dynamic_shifting=True)
    return getattr(diffusers, cls)(dynamic, kl(), one, names, two, letters, transformer)


def chroma() -> Any:
    from diffusers import ChromaPipeline, ChromaTransformer2DModel

    one, letters = t5()
    transformer = ChromaTransformer2DModel(
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        axes_dims_rope=(4, 4, 8),
        approximator_hidden_dim=32,
        approximator_layers=1,
        approximator_num_channels=8,
    )
    return ChromaPipeline(flow(), kl(), one, letters, transformer)


def flux2_transformer(context: int, guidance: bool) -> Any:
    from diffusers import Flux2Transformer2DModel

    return Flux2Transformer2DModel(
        in_channels=32,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=context,
        timestep_guidance_channels=32,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=guidance,
    )


def flux2_klein() -> Any:
    from diffusers import Flux2KleinPipeline
    from transformers import Qwen3Config, Qwen3ForCausalLM

    text = Qwen3ForCausalLM(Qwen3Config(**{**LANGUAGE, "num_hidden_layers": 28}))
    vae = kl(8, cls="AutoencoderKLFlux2")
    return Flux2KleinPipeline(flow(use_dynamic_shifting=True), vae, text, words(), flux2_transformer(3 * WIDTH, False))


def z_image() -> Any:
    from diffusers import ZImagePipeline, ZImageTransformer2DModel
    from transformers import Qwen3Config, Qwen3Model

    transformer = ZImageTransformer2DModel(
        dim=32,
        n_layers=1,
        n_refiner_layers=1,
        n_heads=2,
        n_kv_heads=2,
        cap_feat_dim=WIDTH,
        axes_dims=[4, 6, 6],
        axes_lens=[512, 64, 64],
    )
    return ZImagePipeline(flow(shift=3.0), kl(), Qwen3Model(Qwen3Config(**LANGUAGE)), words(), transformer)


def qwen_text() -> Any:
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    config = Qwen2_5_VLConfig(
        text_config={
            **LANGUAGE,
            "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 1e6},
        },
        vision_config={
            "depth": 1,
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_heads": 2,
            "out_hidden_size": WIDTH,
            "fullatt_block_indexes": [0],
        },
        image_token_id=7,
        vision_start_token_id=8,
        vision_end_token_id=9,
        video_token_id=11,
    )
    return Qwen2_5_VLForConditionalGeneration(config)


def qwen_image() -> Any:
    from diffusers import AutoencoderKLQwenImage, QwenImagePipeline, QwenImageTransformer2DModel

    transformer = QwenImageTransformer2DModel(
        num_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        axes_dims_rope=(4, 6, 6),
    )
    vae = AutoencoderKLQwenImage(base_dim=4, num_res_blocks=1)
    shifts = {"base_shift": 0.5, "max_shift": 0.9, "max_image_seq_len": 8192, "shift_terminal": 0.02}
    return QwenImagePipeline(flow(use_dynamic_shifting=True, **shifts), vae, qwen_text(), words(), transformer)


def auraflow() -> Any:
    from diffusers import AuraFlowPipeline, AuraFlowTransformer2DModel

    text, letters = t5(umt5=True)
    transformer = AuraFlowTransformer2DModel(
        sample_size=32,
        num_mmdit_layers=1,
        num_single_dit_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        joint_attention_dim=WIDTH,
        caption_projection_dim=32,
        pos_embed_max_size=256,
    )
    return AuraFlowPipeline(letters, text, kl(4, None), transformer, flow(shift=1.73))


def pixart() -> Any:
    from diffusers import DPMSolverMultistepScheduler, PixArtSigmaPipeline, PixArtTransformer2DModel

    text, letters = t5()
    transformer = PixArtTransformer2DModel(
        sample_size=8,
        num_layers=1,
        num_attention_heads=2,
        attention_head_dim=16,
        cross_attention_dim=32,
        caption_channels=WIDTH,
        use_additional_conditions=False,
    )
    schedule = DPMSolverMultistepScheduler(beta_schedule="linear", beta_start=0.0001, beta_end=0.02)
    return PixArtSigmaPipeline(letters, text, kl(4, None), transformer, schedule)


def gemma() -> Any:
    from transformers import Gemma2Config, Gemma2Model

    return Gemma2Model(Gemma2Config(**LANGUAGE, query_pre_attn_scalar=8))


def sana() -> Any:
    from diffusers import AutoencoderDC, SanaPipeline, SanaTransformer2DModel

    transformer = SanaTransformer2DModel(
        in_channels=4,
        out_channels=4,
        num_layers=1,
        num_attention_heads=2,
        attention_head_dim=4,
        num_cross_attention_heads=2,
        cross_attention_head_dim=4,
        cross_attention_dim=8,
        caption_channels=WIDTH,
        sample_size=32,
    )
    vae = AutoencoderDC(
        latent_channels=4,
        attention_head_dim=2,
        encoder_block_types=("ResBlock", "EfficientViTBlock"),
        decoder_block_types=("ResBlock", "EfficientViTBlock"),
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        encoder_qkv_multiscales=((), (5,)),
        decoder_qkv_multiscales=((), (5,)),
        encoder_layers_per_block=(1, 1),
        decoder_layers_per_block=(1, 1),
        scaling_factor=0.41407,
    )
    return SanaPipeline(words("GemmaTokenizer"), gemma(), vae, transformer, flow(shift=3.0))


def lumina2() -> Any:
    from diffusers import Lumina2Pipeline, Lumina2Transformer2DModel

    transformer = Lumina2Transformer2DModel(
        hidden_size=24,
        num_layers=1,
        num_refiner_layers=1,
        num_attention_heads=3,
        num_kv_heads=1,
        multiple_of=2,
        axes_dim_rope=(4, 2, 2),
        axes_lens=(512, 64, 64),
        cap_feat_dim=WIDTH,
    )
    return Lumina2Pipeline(transformer, flow(shift=6.0), kl(), gemma(), words("GemmaTokenizer"))


def kandinsky5() -> Any:
    from diffusers import Kandinsky5T2IPipeline, Kandinsky5Transformer3DModel

    text, names = clip()
    transformer = Kandinsky5Transformer3DModel(
        in_visual_dim=16,
        out_visual_dim=16,
        in_text_dim=WIDTH,
        in_text_dim2=WIDTH,
        time_dim=16,
        model_dim=32,
        ff_dim=32,
        num_text_blocks=1,
        num_visual_blocks=1,
        axes_dims=(2, 2, 4),
    )
    return Kandinsky5T2IPipeline(transformer, kl(), qwen_text(), words(), text, names, flow(shift=3.0))


def hidream() -> Any:
    from diffusers import HiDreamImagePipeline, HiDreamImageTransformer2DModel
    from transformers import LlamaConfig, LlamaForCausalLM

    one, names = clip(projected=True, length=248)
    two, _ = clip(projected=True, length=248)
    three, letters = t5()
    four = LlamaForCausalLM(LlamaConfig(**LANGUAGE))
    transformer = HiDreamImageTransformer2DModel(
        patch_size=2,
        in_channels=16,
        out_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        caption_channels=[WIDTH, WIDTH],
        text_emb_dim=64,
        num_routed_experts=2,
        num_activated_experts=2,
        axes_dims_rope=(4, 2, 2),
        max_resolution=(32, 32),
        llama_layers=[0, 1],
        force_inference_output=True,
    )
    return HiDreamImagePipeline(
        flow(shift=3.0), kl(), one, names, two, names, three, letters, four, words("LlamaTokenizer"), transformer
    )


def cogview4() -> Any:
    from diffusers import CogView4Pipeline, CogView4Transformer2DModel
    from transformers import GlmConfig, GlmModel

    transformer = CogView4Transformer2DModel(
        num_layers=1,
        attention_head_dim=8,
        num_attention_heads=4,
        text_embed_dim=WIDTH,
        time_embed_dim=16,
        condition_dim=8,
        rope_axes_dim=(64, 64),
    )
    text = GlmModel(GlmConfig(**{**LANGUAGE, "head_dim": 8}))
    return CogView4Pipeline(words(), text, kl(16, None), transformer, flow(use_dynamic_shifting=True))


def alpha() -> Any:
    """Of no family here: it runs as its library has it."""
    from diffusers import PixArtAlphaPipeline

    pipe = pixart()
    return PixArtAlphaPipeline(**pipe.components)


PIPELINES: dict[str, Callable[[], Any]] = {
    "sd3": sd3,
    "flux": flux,
    "flux-schnell": lambda: flux(guidance=False),
    "flux-fill": lambda: flux("FluxFillPipeline", 384),
    "flux-kontext": lambda: flux("FluxKontextPipeline"),
    "chroma": chroma,
    "flux2-klein": flux2_klein,
    "z-image": z_image,
    "qwen-image": qwen_image,
    "auraflow": auraflow,
    "pixart-sigma": pixart,
    "sana": sana,
    "lumina2": lumina2,
    "kandinsky5": kandinsky5,
    "hidream": hidream,
    "cogview4": cogview4,
    "other": alpha,
}
