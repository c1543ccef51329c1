"""Keys of other frameworks that have no counterpart in a spec, and what to do instead."""

from functools import cache

from declare.diagnostics.synonyms import plain

_TABLE = """
name the run's folder on the command line: `dcl train SPEC --run-dir PATH`
    output_dir work_dir save_dir dirpath log_dir logging_dir default_root_dir overwrite_output_dir run_dir
    output_path result_dir results_dir exp_dir experiment_dir out_dir checkpoint_dir ckpt_dir dir
continue a run on the command line: `dcl train SPEC --resume`; `init` of a phase starts from the weights of a run
    resume auto_resume initial_epoch start_epoch resume_training last_epoch
start a phase from the weights of a run or file: `init: [{from: PATH}]` in `phases`
    ckpt_path checkpoint_file weights_path
write `early_stop`, `checkpoint`, `evaluate` and `ema` in the phase, `tracking` beside `phases`
    callbacks callback hooks default_hooks custom_hooks extensions plugins
print less on the command line: `dcl train SPEC --quiet`; `tracking` states where metrics go
    verbose verbosity disable_tqdm progress_bar enable_progress_bar log_level silent
remove it: `--run-dir PATH` must be a new folder, or the run that `--resume` continues
    exist_ok overwrite overwrite_output
remove it: losses and rates are always written; `tracking` states where to
    log_every_n_steps logging_steps logging_strategy log_interval print_freq log_freq log_every logging_first_step
    log_config
state where metrics go: `tracking: [tensorboard, wandb]` beside `phases`
    wandb_project wandb_entity wandb_run_id wandb_name wandb_mode visualizer vis_backends mlflow_tracking_uri
    mlflow_experiment_name log_wandb use_wandb use_mlflow
remove it: evaluations read batches of the phase's `batch_size`
    per_device_eval_batch_size eval_batch_size val_batch_size test_batch_size eval_accumulation_steps
    num_sanity_val_steps per_gpu_eval_batch_size
remove it: the last, smaller batch trains too, each sample with the same weight
    drop_last dataloader_drop_last drop_remainder
remove it: batches are put together by the types of fields
    collate_fn data_collator collate pad_to_multiple_of
remove it: how data are loaded follows from `hardware: {workers: N}`
    pin_memory persistent_workers prefetch_factor dataloader_pin_memory prefetch pin_mem
    reload_dataloaders_every_n_epochs
remove it: checkpoints hold all that a run needs to continue; `checkpoint: {every: 1 epoch, keep: 2}` states when
    enable_checkpointing save_safetensors save_last save_weights_only save_only_model save_on_each_node
    recovery_interval checkpoint_hist
write what is best: `evaluate: {best: {metric: val/TASK/METRIC, mode: max}}`; the best checkpoint is kept
    restore_best_weights refit load_best_model_at_end save_best save_best_only load_best
write `optimizer: {type: adamw, betas: [0.9, 0.999]}` in the phase
    adam_beta1 adam_beta2 beta1 beta2 beta_1 beta_2 b1 b2
write `clip: {norm: 1.0}` or `clip: {value: 0.5}` in the phase
    gradient_clip_algorithm clip_mode clip_type
use fewer samples: `limit: N` in the dataset
    fraction sample_fraction limit_predict_batches overfit_batches steps_per_epoch limit_val_batches
    limit_test_batches fast_dev_run
remove it: kernels are chosen by `hardware: {determinism: fast}`, the layout of tensors as well
    benchmark cudnn_benchmark channels_last memory_format
remove it: batch norm takes its statistics over all processes by itself
    sync_batchnorm sync_bn convert_sync_batchnorm syncbn
remove it: activations are kept; `batch_size` with `accumulate`, or `memory_limit` in `hardware`, lowers memory
    gradient_checkpointing activation_checkpointing grad_checkpointing use_reentrant gradient_checkpointing_kwargs
state it as a share of the base rate: `schedule: {type: cosine, warmup: 5%, final: 0.01}`
    lr_scheduler_kwargs eta_min min_lr warmup_lr lr_min lr_end end_lr min_lr_ratio cosine_min_lr_ratio decay_epochs
    decay_rate cooldown_epochs lr_k_decay warmup_init_lr warmup_start_lr warmup_prefix scheduler_kwargs lr_gamma
remove it: a schedule runs over the whole phase, whose length is `epochs` or `steps`
    T_max t_initial num_training_steps total_steps decay_steps total_iters n_total_steps lr_decay_iters max_update
    epochs_total
write `ema: {decay: 0.999}` in the phase: weights are averaged then
    swa swa_lrs stochastic_weight_averaging averaging swa_start use_swa lookahead polyak
write it in a task: `loss: {type: cross_entropy, label_smoothing: 0.1}`
    label_smoothing label_smoothing_factor smoothing
write it in a task: `loss: {type: cross_entropy, class_weights: balanced}`
    class_weight class_weights pos_weight balance_classes
write it in a task: `loss: {type: focal, gamma: 2}`
    fl_gamma focal_loss focal_gamma
mark which words count in the task: `mask: FIELD` with a `valid` field of the text
    train_on_inputs
write `on_batch_error: {action: skip, limit: 1%}` in the phase
    loss_watchdog_threshold loss_watchdog_patience terminate_on_nan
remove it: code of others runs only with `dcl train SPEC --trust NAME`
    trust_remote_code
write marks of missing values in the field: `missing: [-999]`; tasks leave such targets out
    missing_value_strategy fillna default_value imputer
write transforms in the dataset: `transforms: [{type: standardize, field: NAME}]`
    scaler normalization zscore standard_scaler
what is predicted stands in a task: `tasks: {NAME: {type: regression, target: FIELD}}`
    role is_target is_label
weights start as torch's layers draw them; `pretrained: PATH` or `init` of a phase states others
    kernel_initializer bias_initializer weight_init init_weights initializer
state what a module pools by its own `pool`, or read another output of it: `input: MODULE.series`
    global_pool reduce_output pooling pool_type
write the task's type: `{type: classification}`, `{type: multilabel}` or `{type: ordinal}`
    multi_label multiclass single_cls is_multilabel problem_type
write it in a task: `loss: bce`
    bce_loss
write transforms in the dataset: `transforms: [{type: random_horizontal_flip, field: image}]`
    fliplr flipud hsv_h hsv_s hsv_v degrees translate shear perspective erasing hflip vflip color_jitter aa
    auto_augment autoaugment rand_augment randaugment train_interpolation interpolation
    random_flip crop_pct ratio to_rgb mean_rgb normalize rescale horizontal_flip random_crop
write it in the module of `model`: its dropout and depth are parameters there
    drop_path drop drop_connect stochastic_depth drop_block
remove it: values become tensors by the types of their fields, images as numbers from 0 to 1
    to_tensor pil_to_tensor to_image convert_image_dtype to_dtype to_numpy
write the field's type: `fields: {NAME: category}`; codes and embeddings follow from it
    one_hot label_encoder ordinal_encoder one_hot_encoder label_encode
write it in the field: `datasets: {NAME: {fields: {NAME: {type: text, tokenizer: bpe, max_length: 512}}}}`
    tokenizer special_tokens sequence_len max_seq_length max_seq_len tokenizer_path vocab_size max_length
    tokenizer_name tokens padding truncation pad_token
write marks of missing values in the field: `fields: {NAME: {type: number, missing: [-999]}}`
    na_values null_values missing_values nodata keep_default_na
name columns and their types in the dataset: `fields: {NAME: number}`
    usecols dtype dtypes columns index_col parse_dates converters remove_unused_columns label_names
remove it: what is trained, tested or predicted is asked for by commands: `dcl train`, `dcl evaluate`, `dcl predict`
    do_train do_eval do_predict do_test mode_of_run train_only eval_only test_only stage push_to_hub hub_model_id
    hub_strategy
write it on the command line: `dcl train SPEC --gpus N`, or `hardware: {strategy: auto}`
    ddp_backend launcher backend env_cfg dist_backend dist_url world_size local_rank rank ddp_find_unused_parameters
    find_unused_parameters fsdp_config fsdp_transformer_layer_cls_to_wrap dist_cfg master_port process_group_backend
hold samples out in the dataset: `split: {val: 0.1}`; `evaluate: {every: 1 epoch}` in the phase states when
    val_cfg test_cfg val_dataloader test_dataloader validation_data eval_dataset val_dataset test_dataset
    test_evaluator eval_data val_set_size validation_file test_data val_data eval_file
write `metrics: [NAME]` in the task
    include_inputs_for_metrics metrics_list val_evaluator compute_metrics evaluator test_evaluator weighted_metrics
remove it: files of a dataset are read again if they changed; `cache` states where decoded samples are kept
    dataset_prepared_path dataset_processes preprocessing_num_workers overwrite_cache
remove it: quantised weights and adapters are not supported; `freeze: [{match: encoder.*}]` keeps parts as they are
    load_in_8bit load_in_4bit adapter lora lora_r lora_alpha lora_dropout lora_target_modules peft peft_config qlora
    quantization bnb_config lora_target_linear lora_model_dir quantization_config
remove it: attention runs on torch's fused kernels if they exist
    flash_attention xformers_attention sdp_attention use_flash_attention_2 attn_implementation flash_attn
remove it: nothing in a spec stands for it
    neftune_noise_alpha sample_packing pad_to_sequence_len strict_loading local_files_only
splits are drawn once: `split: {val: 0.2, seed: 1}`; run one spec for each fold with `--set`
    folds k_folds n_splits kfold num_folds cv cross_validation fold
write `evaluate: {every: 1 epoch}` or `checkpoint: {every: 1 epoch}` in the phase
    saves_per_epoch evals_per_epoch eval_delay eval_on_start val_begin dynamic_intervals evaluate_training_set
    checkpoints_per_epoch save_first_step
try rates with a search: `tune: {space: {phases.NAME.optimizer.lr: {low: 1e-4, high: 1e-1, log: true}}, ...}`
    lr_find auto_lr_find lr_finder learning_rate_finder
write it on the command line: `dcl profile SPEC` shows where time goes
    profiler profile profiler_config
generation is asked for on the command line: `dcl predict RUN --max-new-tokens N`; metrics go by the target's tokens
    predict_with_generate generation_max_length max_new_tokens generation_config
write `optimizer: {type: NAME, lr: RATE}` with its parameters beside `type` in the phase
    optim_args opt_kwargs optimizer_kwargs adafactor nesterovs_momentum
write `ema: {decay: 0.999}` in the phase
    ema_overwrite_frequency ema_start ema_steps
write a schedule with steps in the phase: `schedule: {type: step, every: 30 epochs, gamma: 0.1}`
    milestones decay_milestones lr_steps step_epochs
write `schedule: {type: plateau, metric: val/TASK/METRIC, mode: min, factor: 0.1, patience: 2}` in the phase
    reduce_learning_rate_on_plateau reduce_learning_rate_on_plateau_patience reduce_lr_on_plateau
    learning_rate_reduction_factor
write a schedule in the phase: `schedule: {type: cosine, warmup: 5%, final: 0.01}`
    num_cycles cosine_constant_lr_ratio sched_on_updates power_t cos_lr lrf warmup_momentum warmup_bias_lr lr_power
state the rate itself: `optimizer: {type: adamw, lr: 1e-3}`; it does not follow the batch or the devices
    learning_rate_scaling auto_scale_lr lr_base_size scale_lr
write groups of parameters: `optimizer: {groups: [{match: encoder.*, lr: 1e-4}]}`
    layer_decay llrd backbone_lr head_lr lr_mult
write `augment: [{type: mixup}]` in the phase, or transforms with `on: train` in the dataset
    mixup_off_epoch mixup_mode cutmix_minmax
weigh tasks by `weight` in each, samples by `class_weights` of a loss or `sampler: {type: weighted, field: NAME}`
    loss_weights sample_weight example_weights oversample_minority undersample_majority balance_data cls_pw
state the compile mode in `hardware: {compile: true}`
    torch_compile_backend torch_compile_mode compile_mode run_eagerly
"""

_IN_SECTIONS = """
phases.optimizer: remove it: `type` names the optimizer
    name
phases.schedule: remove it: `type` names the schedule
    name
phases.evaluate: remove it: a phase evaluates `val`, and `test` once at the end
    split splits
phases.checkpoint: name the run's folder on the command line: `dcl train SPEC --run-dir PATH`
    filename
datasets.source: remove it: a table is read as it stands, with its names in the first line
    comment header
datasets.source: name columns and their types in the dataset: `fields: {NAME: number}`
    names
datasets.fields: name the column of the source: `column: NAME`
    name source feature
datasets.fields: remove it: the field's `type` states what its values are
    dtype
datasets.fields: write transforms in the dataset: `transforms: [{type: standardize, field: NAME}]`
    normalization log norm
datasets.fields: the module that reads a field encodes it: `model: {NAME: {type: tabular, input: FIELD}}`
    encoder embedding embedding_size embedding_dim
datasets: classes stand in the field: `fields: {NAME: {type: category, classes: [a, b]}}`
    names
model: start from weights of a file: `pretrained: PATH` in the module
    checkpoint init_cfg ckpt
tasks: remove it: losses and metrics know what they need of the logits
    activation
tasks: name metrics in the task, and what is best in a phase: `evaluate: {best: {metric: val/TASK/METRIC, mode: max}}`
    eval_metric validation_metric scoring
spec: name base files of the spec: `extends: base.yaml`
    defaults base _base_ bases parent inherit include extend import
spec: name values in `vars: {NAME: VALUE}` and use them as `${vars.NAME}`
    variables var constants params parameters
spec: write a module of `model`: `model: {encoder: {type: huggingface, name: NAME, input: FIELD}}`
    base_model model_name_or_path model_name arch architecture backbone pretrained_model_name_or_path model_type
phases.evaluate: state how often with a unit: `every: 50 steps` or `every: 1 epoch`
    steps epochs
phases.checkpoint: state how often with a unit: `every: 50 steps` or `every: 1 epoch`
    steps epochs
phases.evaluate: metrics belong to a task: `metrics: [NAME]`; `best: {metric: ...}` selects the best checkpoint
    metrics
phases.probes: a probe learns the target of a task, on the task's dataset: `probes: [{task: NAME, type: linear}]`
    dataset datasets target targets label labels data
phases.checkpoint: the best checkpoint is that of `evaluate: {best: {metric: val/TASK/METRIC, mode: max}}`
    monitor metric mode best
datasets.source: types of columns stand in the dataset: `fields: {NAME: number}`
    dtype dtypes types
datasets.split: parts are stated each: `split: {val: 0.1, test: 0.1}`
    probabilities ratios fractions proportions lengths
phases: a phase trains tasks, whose modules and data follow: `tasks: [NAME]`
    model models module modules dataset datasets data network networks train_dataset encoder
tasks: what a task reads is its head's input: `head: {type: linear, input: MODULE}`
    model module encoder backbone network input inputs features x
tasks: a task has one target: `target: FIELD`; several outputs are several tasks
    output_features outputs targets
tasks: the width of a head follows from the target's classes: remove it
    num_classes n_classes num_labels n_outputs out_features output_size nclass
datasets: what a dataset is for stands in a task: `tasks: {NAME: {type: classification, target: FIELD}}`
    label labels target targets task y output_features input_features
datasets: how batches are drawn stands in a phase: `batch_size: N`, `sampler: random`
    batch_size shuffle drop_last sampler train_batch_size batch
datasets: remove it: a block has its key as its name
    name id
model: remove it: a block has its key as its name
    name id
tasks: remove it: a block has its key as its name
    name id
phases: remove it: a block has its key as its name
    name id
model: state it in a phase: `freeze: [{match: MODULE.*}]`
    trainable freeze frozen requires_grad freeze_backbone frozen_stages
"""


def advice(word: str) -> str | None:
    """Return what to use instead of another framework's key without a counterpart in a spec."""
    return _by_word(_TABLE).get(plain(word))


def advice_in(section: str, word: str) -> str | None:
    """Return what to use instead of a key that has another meaning in blocks of one section."""
    return _by_word(_IN_SECTIONS).get(f"{section}: {plain(word)}")


@cache
def _by_word(table: str) -> dict[str, str]:
    """Return a table by word, after its section if lines name one; words are in indented lines."""
    sentences: dict[str, str] = {}
    sentence = section = ""
    for line in table.strip().splitlines():
        if not line.startswith("    "):
            begin, colon, rest = line.partition(": ")
            section, sentence = (f"{begin}: ", rest) if table is _IN_SECTIONS and colon else ("", line)
            continue
        for word in line.split():
            sentences.setdefault(section + plain(word), sentence)
    return sentences
